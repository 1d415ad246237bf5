/* For targets that are more than one decoder: compiled modules call each other through pointers that are filled at
 * import, so the interpreter is started, and MODULE imported. A compiled module's C function `run_input` gets the
 * fuzzer's bytes and returns what was wrong, or NULL; a Python module's `run` raises. Modules of the build "fuzz"
 * report their coverage to libFuzzer. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static const char *(*run_input)(const uint8_t *data, size_t size);
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
  if (!path || !directory || PyList_Append(path, directory)) give_up();
  PyObject *module = PyImport_ImportModule(MODULE);
  if (!module || !(run = PyObject_GetAttrString(module, "run"))) give_up();
  PyObject *functions = PyObject_GetAttrString(module, "__pyx_capi__");
  PyObject *capsule = functions ? PyDict_GetItemString(functions, "run_input") : NULL;
  if (capsule) *(void **)&run_input = PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule));
  PyErr_Clear();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (run_input) {
    const char *fault = run_input(data, size);
    if (!fault) return 0;
    fprintf(stderr, "ERROR: %s\n", fault);
    abort();
  }
  PyObject *done = PyObject_CallFunction(run, "y#", (const char *)data, (Py_ssize_t)size);
  if (!done) give_up();
  Py_DECREF(done);
  return 0;
}
