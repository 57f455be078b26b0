/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_value.h - one value against its parameter's type.
 */
#ifndef BAS_CALL_VALUE_H
#define BAS_CALL_VALUE_H

#include <stddef.h>

#include "bastion/config.h"
#include "ca/why.h"

/*
 * The canonical form of a value, which is what the program gets: seconds for a duration, the
 * absolute path for a path, otherwise the bytes as they are. Heap string, caller frees; NULL
 * with a sentence that names the parameter when the value is not one of its type.
 */
CA_MUST_USE char *bas_value_canonical(
    const struct bas_parameter *parameter, const char *value, size_t len, struct ca_why *why);
const char *bas_parameter_type_name(enum bas_parameter_type type);

#endif
