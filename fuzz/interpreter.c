/* For targets that need the interpreter: hands the fuzzer's bytes to the function `run` of the Python module that
 * the program is named after. Compiled modules of the build "fuzz" report their coverage to libFuzzer. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *run;

static int give_up(void) {
  PyErr_Print();
  abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.install_signal_handlers = 0;
  PyConfig_SetBytesString(&config, &config.program_name, PYTHON);
  if (PyStatus_Exception(Py_InitializeFromConfig(&config))) abort();
  PyConfig_Clear(&config);
  PyObject *path = PySys_GetObject("path"), *directory = PyUnicode_FromString(DIRECTORY);
  if (!path || !directory || PyList_Insert(path, 0, directory)) give_up();
  PyObject *module = PyImport_ImportModule(MODULE);
  if (!module || !(run = PyObject_GetAttrString(module, "run"))) give_up();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  PyObject *done = PyObject_CallFunction(run, "y#", (const char *)data, (Py_ssize_t)size);
  if (!done) give_up();
  Py_DECREF(done);
  return 0;
}
