"""Tests of the generator for C#."""

import unittest

from rawgen import csharp, header
from rawgen.header import HeaderError

DECLARATIONS = """
typedef struct bitsup_error bitsup_error;
typedef struct bitsup_job bitsup_job;
typedef struct bitsup_upload bitsup_upload;
typedef int32_t bitsup_status;
typedef int32_t (*bitsup_observer_retry_fn)(void *user_data, const bitsup_error *cause, uint64_t *delay_ms);
void bitsup_job_free(bitsup_job *job);
"""


def rendered(code: str) -> str:
    return csharp.render(header.parse(DECLARATIONS + code))


class Imports(unittest.TestCase):
    def test_objects_are_handles_but_free_functions_take_an_address(self) -> None:
        text = rendered("bitsup_status bitsup_f(const bitsup_job *job, bitsup_job **out, bitsup_error **error);")
        self.assertIn("extern int bitsup_f(JobHandle job, out JobHandle @out, out IntPtr error);", text)
        self.assertIn("extern void bitsup_job_free(IntPtr job);", text)
        self.assertIn("class JobHandle : NativeHandle", text)

    def test_objects_that_are_never_freed_are_addresses(self) -> None:
        text = rendered("const char *bitsup_f(const bitsup_upload *upload);")
        self.assertIn("extern IntPtr bitsup_f(IntPtr upload);", text)
        self.assertNotIn("UploadHandle", text)

    def test_outputs_have_their_width_and_strings_to_free_are_addresses(self) -> None:
        text = rendered("bitsup_status bitsup_f(const char *url, uint64_t *out_n, size_t *out_len, char **out_text);")
        self.assertIn("bitsup_f(byte[]? url, out ulong out_n, out UIntPtr out_len, out IntPtr out_text);", text)

    def test_bytes_to_free_are_addresses(self) -> None:
        code = "bitsup_status bitsup_f(uint8_t **out, size_t *out_len); void bitsup_bytes_free(uint8_t *data, size_t len);"
        text = rendered("\n".join(f"{line};" for line in code.rstrip(";").split("; ")))
        self.assertIn("bitsup_f(out IntPtr @out, out UIntPtr out_len);", text)
        self.assertIn("bitsup_bytes_free(IntPtr data, UIntPtr len);", text)

    def test_callbacks_take_addresses_and_are_nullable(self) -> None:
        text = rendered("bitsup_status bitsup_f(bitsup_observer_retry_fn callback);")
        self.assertIn("delegate int bitsup_observer_retry_fn(IntPtr user_data, IntPtr cause, ref ulong delay_ms);", text)
        self.assertIn("bitsup_f(bitsup_observer_retry_fn? callback);", text)

    def test_unsupported_types_are_rejected(self) -> None:
        for code in ("bitsup_job bitsup_f(void);", "void bitsup_f(uint64_t *inout);"):
            with self.assertRaises(HeaderError):
                rendered(code)


if __name__ == "__main__":
    unittest.main()
