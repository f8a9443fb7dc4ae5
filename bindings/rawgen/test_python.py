"""Tests of the generator for Python."""

import unittest

from rawgen import header, python
from rawgen.header import HeaderError

DECLARATIONS = """
typedef struct bitsup_job bitsup_job;
typedef int32_t bitsup_status;
typedef void (*bitsup_log_fn)(void *user_data, const char *message, size_t len, uint64_t *delay_ms);
"""


def rendered(code: str) -> str:
    return python.render(header.parse(DECLARATIONS + code)).replace("\n            ", "").replace(",\n        )", ")")


class Prototypes(unittest.TestCase):
    def test_strings_to_free_are_addresses_and_borrowed_strings_are_not(self) -> None:
        text = rendered("char *bitsup_f(void);\nconst char *bitsup_g(void);")
        self.assertIn('bind("bitsup_f", ctypes.c_void_p)', text)
        self.assertIn('bind("bitsup_g", ctypes.c_char_p)', text)

    def test_outputs_are_pointers_with_their_width(self) -> None:
        text = rendered("bitsup_status bitsup_f(const bitsup_job *job, uint64_t *out, uint8_t *data, char **out_text);")
        self.assertIn('"bitsup_f",ctypes.c_int32,ctypes.c_void_p,ctypes.POINTER(ctypes.c_uint64),ctypes.c_void_p,', text)
        self.assertIn("ctypes.POINTER(ctypes.c_void_p))", text)

    def test_strings_for_a_callback_are_addresses(self) -> None:
        text = " ".join(rendered("").split())
        self.assertIn("log_fn: Callable[[Callable[[Any, Any, int, Any], None]], Any] = ctypes.CFUNCTYPE(", text)
        self.assertIn("None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_uint64)", text)

    def test_unsupported_types_are_rejected(self) -> None:
        with self.assertRaises(HeaderError):
            rendered("bitsup_job bitsup_f(void);")


if __name__ == "__main__":
    unittest.main()
