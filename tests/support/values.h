/*
 * values.h - values of conditions, for comparison.
 */
#ifndef KH_TEST_VALUES_H
#define KH_TEST_VALUES_H

#include "language/names/value.h"

/* As it would stand in an expression, control characters escaped. */
void kh_test_value_print(const struct kh_value *value, struct kh_buf *out);

#endif
