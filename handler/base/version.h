/*
 * version.h - which kitehook this is.
 */
#ifndef KH_VERSION_H
#define KH_VERSION_H

#define KH_VERSION "0.2.0"

#endif
