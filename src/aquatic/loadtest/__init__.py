"""Load generators: made peers that ask a tracker, check every answer and measure.

`shapes` says how many peers each torrent has, `population` makes peers of that, `udp` runs them against
a tracker. The compiled part, which works without the GIL, is best read by its headers: `population.pxd`,
`exchange.pxd`, `generator.pxd`.
"""
