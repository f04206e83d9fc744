"""What each renderer writes, in both languages. UPDATE_GOLDEN=1 writes the files anew: read the diff."""

import re

import pytest

from supportctl.report import render

FORMS = {"text": "txt", "slip": "txt", "nagios": "txt"}
DOCUMENTS = {"json": "json", "junit": "xml", "html": "html"}


@pytest.mark.parametrize("form", FORMS)
def test_text_forms(form, sample, catalog, golden):
    name, report = sample
    golden(f"{name}.{form}.{catalog.lang}.{FORMS[form]}", render(report, form, catalog=catalog))


def test_text_for_the_shop(sample, catalog, golden):
    name, report = sample
    golden(f"{name}.shop.{catalog.lang}.txt", render(report, "text", catalog=catalog, audience="shop"))


@pytest.mark.parametrize("form", DOCUMENTS)
@pytest.mark.parametrize("name", ["paper-out", "unknown"])
def test_documents(name, form, catalog, build, golden):
    text = render(build.make(name, catalog.lang), form, catalog=catalog)
    # the style and its digest change with every polish of the page and say nothing about its content
    text = re.sub(r"<style>.*</style>", "<style></style>", text, flags=re.DOTALL)
    text = re.sub(r"sha256-[\w+/=]+", "sha256-", text)
    golden(f"{name}.{catalog.lang}.{DOCUMENTS[form]}", text)


def test_unknown_format_is_refused(build, catalog):
    with pytest.raises(ValueError, match="pdf"):
        render(build.make("healthy", catalog.lang), "pdf", catalog=catalog)
