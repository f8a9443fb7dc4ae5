"""Tests of the parser of the header."""

import re
import unittest
from typing import Iterator

from rawgen import header
from rawgen.header import HEADER, Doc, Header, HeaderError, Parameter, Type


class Forms(unittest.TestCase):
    def test_a_constant_is_a_number(self) -> None:
        parsed = header.parse(
            "#define BITSUP_A 12\n#define BITSUP_B 0xFFU\n#define BITSUP_C ((BITSUP_A << 8) | BITSUP_B)"
        )
        values = {constant.name: constant.value for constant in parsed.constants}
        self.assertEqual(values, {"BITSUP_A": 12, "BITSUP_B": 255, "BITSUP_C": 3327})

    def test_a_struct_is_opaque_and_an_alias_is_resolved(self) -> None:
        parsed = header.parse("typedef struct bitsup_job bitsup_job;\ntypedef int32_t bitsup_status;")
        self.assertTrue(parsed.is_opaque("bitsup_job"))
        self.assertEqual(parsed.resolve("bitsup_status"), "int32_t")
        self.assertEqual(parsed.resolve("size_t"), "size_t")

    def test_a_function_on_several_lines_has_names_types_and_constness(self) -> None:
        parsed = header.parse(
            "typedef struct bitsup_job bitsup_job;\n"
            "int32_t bitsup_f(const bitsup_job *job,\n                 char **out_text,\n                 size_t len);\n"
        )
        (function,) = parsed.functions
        self.assertEqual(function.returns, Type("int32_t"))
        self.assertEqual(
            function.parameters,
            (
                Parameter("job", Type("bitsup_job", 1, const=True)),
                Parameter("out_text", Type("char", 2)),
                Parameter("len", Type("size_t")),
            ),
        )

    def test_results_may_be_pointers_and_void_means_no_parameters(self) -> None:
        parsed = header.parse("const char *bitsup_text(void);\nvoid bitsup_f(void *user_data);")
        self.assertEqual([str(f.returns) for f in parsed.functions], ["const char *", "void"])
        self.assertEqual(parsed.functions[0].parameters, ())

    def test_a_function_pointer_is_a_callback(self) -> None:
        parsed = header.parse("typedef int32_t (*bitsup_observer_retry_fn)(void *user_data,\n    uint64_t *delay_ms);")
        self.assertTrue(parsed.is_callback("bitsup_observer_retry_fn"))
        self.assertEqual(parsed.callbacks[0].parameters[1], Parameter("delay_ms", Type("uint64_t", 1)))

    def test_a_comment_has_paragraphs_and_headings(self) -> None:
        parsed = header.parse(
            "/**\n * Does it. Says so\n * twice.\n *\n * More.\n *\n"
            " * Ownership: borrows\n * all.\n * Errors: none.\n */\nvoid bitsup_f(void);"
        )
        doc = parsed.functions[0].doc
        self.assertEqual(doc.text, "Does it. Says so twice.\nMore.")
        self.assertEqual(doc.summary, "Does it.")
        self.assertEqual(doc.headings, {"Ownership": "borrows all.", "Errors": "none."})


class Rejections(unittest.TestCase):
    def test_types_with_a_layout_or_a_platform_dependent_width_are_rejected(self) -> None:
        for code in (
            "int bitsup_f(void);",
            "bool bitsup_f(void);",
            "void bitsup_f(long value);",
            "void bitsup_f(uint8_t data[4]);",
            "void bitsup_f(int32_t);",
            "void bitsup_f(struct other *value);",
            "typedef struct bitsup_a { int32_t x; } bitsup_a;",
            "extern const int32_t bitsup_variable;",
            '#define BITSUP_TEXT "text"',
            "void bitsup_f(",
        ):
            with self.subTest(code), self.assertRaises(HeaderError):
                header.parse(code)


class BitsupHeader(unittest.TestCase):
    def test_every_name_in_the_header_is_parsed(self) -> None:
        text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)
        named = set(re.findall(r"\b(?:bitsup_|BITSUP_)\w+", text)) - {"BITSUP_H"}
        parsed = header.read()
        self.assertEqual({name for name, _ in everything(parsed)}, named)

    def test_the_functions_are_the_exported_symbols(self) -> None:
        symbols = HEADER.with_name("bitsup.symbols").read_text(encoding="utf-8").split()
        self.assertEqual(sorted(f.name for f in header.read().functions), symbols)

    def test_everything_is_documented(self) -> None:
        parsed = header.read()
        for name, doc in everything(parsed):
            self.assertTrue(doc.summary, name)
        for function in parsed.functions:
            self.assertIn("Since", function.doc.headings, function.name)


def everything(parsed: Header) -> "Iterator[tuple[str, Doc]]":
    """Yields the names and comments of all declarations."""
    yield from ((one.name, one.doc) for one in parsed.constants)
    yield from ((one.name, one.doc) for one in parsed.aliases)
    yield from ((one.name, one.doc) for one in parsed.opaques)
    yield from ((one.name, one.doc) for one in (*parsed.callbacks, *parsed.functions))


if __name__ == "__main__":
    unittest.main()
