/* lstm.h and lstm_int8.h behind the real headers of others: compiled once for each of them, as C
 * where that can be, with BEHIND naming it. */
#if defined(BEHIND_QT)
#include <QtCore/QtCore>
#elif defined(BEHIND_CURSES)
#include <curses.h>
#include <term.h>
#elif defined(BEHIND_X11)
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/Xatom.h>
#include <X11/Xos.h>
#include <X11/keysym.h>
#elif defined(BEHIND_ARDUINO)
#include <Arduino.h>
#elif defined(BEHIND_WINDOWS)
#include <winsock2.h>
#include <windows.h>
#include <windowsx.h>
#include <commctrl.h>
#include <shlobj.h>
#elif defined(BEHIND_POSIX)
#include <assert.h>
#include <pthread.h>
#include <search.h>
#include <signal.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/param.h>
#include <sys/sysmacros.h>
#ifndef __cplusplus
#include <complex.h>
#include <iso646.h>
#include <stdbool.h>
#include <stdalign.h>
#include <stdnoreturn.h>
#include <tgmath.h>
#endif
#endif
#include "lstm_int8.h"

#if defined(__cplusplus)
extern "C"
#endif
    int
    behind_headers(const lstm_int8_layer *layer, const int16_t *in, int16_t *out,
                   int32_t *c);

int behind_headers(const lstm_int8_layer *layer, const int16_t *in, int16_t *out,
                   int32_t *c)
{
    return lstm_int8_step(layer, in, out, c, out + 1) != LSTM_OK;
}
