import aquatic


def test_the_version_is_the_installed_ones():
    assert aquatic.__version__.count(".") == 2
