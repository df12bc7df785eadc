#include "base/base.h"

#include "support/vectors.h"

#define BODY(literal)            \
  {                              \
    literal, sizeof(literal) - 1 \
  }

const struct kh_vector kh_vectors[KH_VECTORS] = {
    {
        "A: ASCII; the token looks like hexadecimal but is text",
        "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "1700000000",
        BODY("{\"event\":\"ping\"}"),
        16,
        "2e7cda3ca871a2f6dadd2ace4a66385bdefba7d32c11f8846fb0b628f354f82c",
        "386d45f4048c9d11a1f9b77db99c1abe14e27358fe720c86268432946240eaae",
    },
    {
        "B: UTF-8 of 2, 3 and 4 bytes, an escaped CR LF, a newline behind the last brace",
        "not hex: Any-Text_9/+=",
        "1717243200",
        BODY("{\"event\":\"build.finished\",\"build\":{\"message\":\"Gr\xC3\xB6\xC3\x9F"
             "e gepr\xC3\xBC"
             "ft \xE2\x9C\x93 \xF0\x9F\xAA\x81\\r\\nfertig\"}}\n"),
        85,
        "79e6cf511300a937a9e96c9b1f6b85ea9a7b12cdb722889d923603e6a85a4a6d",
        "26b64ab0a930e4c4fd613bacff81c8d1c52a096520bba996fd94d9dad76d38ca",
    },
    {
        "C: an empty body",
        "c0ffee00c0ffee00c0ffee00c0ffee00",
        "1735689599",
        BODY(""),
        0,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "13dd6205e0250b92c033beeea0b9b4ac146c3bfe0f2a081980d8c9fabbae3d0e",
    },
};
