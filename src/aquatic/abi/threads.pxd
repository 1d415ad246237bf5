"""POSIX mutexes, clocks and the end of the process."""
from libc.stdint cimport uint64_t

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    """

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_mutexattr_t:
        pass
    enum:
        PTHREAD_MUTEX_ADAPTIVE_NP
    int pthread_mutexattr_init(pthread_mutexattr_t*)
    int pthread_mutexattr_settype(pthread_mutexattr_t*, int kind)
    int pthread_mutexattr_destroy(pthread_mutexattr_t*)
    int pthread_mutex_init(pthread_mutex_t*, const pthread_mutexattr_t*)
    int pthread_mutex_lock(pthread_mutex_t*)
    int pthread_mutex_trylock(pthread_mutex_t*)
    int pthread_mutex_unlock(pthread_mutex_t*)
    int pthread_mutex_destroy(pthread_mutex_t*)

cdef extern from * nogil:
    """
    #include <time.h>
    #include <stdint.h>
    static inline uint64_t aquatic_clock_ns(clockid_t clock)
    {
        struct timespec now;
        clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    }
    static inline void aquatic_sleep_ns(uint64_t duration)
    {
        struct timespec left = { (time_t)(duration / 1000000000u), (long)(duration % 1000000000u) };
        clock_nanosleep(CLOCK_MONOTONIC, 0, &left, NULL);
    }
    #define aquatic_boot_ns() aquatic_clock_ns(CLOCK_BOOTTIME)
    #define aquatic_real_ns() aquatic_clock_ns(CLOCK_REALTIME)
    #define aquatic_thread_cpu_ns() aquatic_clock_ns(CLOCK_THREAD_CPUTIME_ID)
    """
    # Since boot, suspended time included: what ages are measured by.
    uint64_t boot_ns "aquatic_boot_ns"()
    # Since 1970: what the kernel's receive timestamps are given in.
    uint64_t real_ns "aquatic_real_ns"()
    # That this thread has run: a system call, so not for every packet.
    uint64_t thread_cpu_ns "aquatic_thread_cpu_ns"()
    # Or shorter, when a signal comes.
    void sleep_ns "aquatic_sleep_ns"(uint64_t duration)

cdef extern from "<stdio.h>" nogil:
    int dprintf(int fd, const char* format, ...)

cdef extern from "<string.h>" nogil:
    char* strerror(int error_number)

cdef extern from "<unistd.h>" nogil:
    # No handlers, no destructors, no lock that another thread may hold.
    void exit_now "_exit"(int status)
