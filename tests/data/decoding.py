"""Writes decoding.json: what `response.text` of Python's requests says, as the oracle of tests/decoding.test.ts.

    pip install requests==2.34.2 webencodings==0.6.1
    python3.11 tests/data/decoding.py > tests/data/decoding.json

Each case is a body (base64) with the Content-Types under which requests reads the same text in it. A case where webmon
differs on purpose names the difference, and what webmon reads instead. webencodings holds the labels of browsers.
"""

import base64
import codecs
import encodings.aliases
import json
import platform

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPResponse
from webencodings.labels import LABELS

# Named differences: what webmon does otherwise, and why.
DIFFERENCES = {
    "guess": "no charset, and neither text nor JSON: requests guesses from the letters, and guesses wrong on short pages;"
    " webmon takes UTF-8 when it is valid, else windows-1252",
    "capitals": "TEXT/HTML is no text to requests, which guesses; media types have no case (RFC 9110, 8.3.1)",
    "browser-label": "labels that browsers know and Python does not: as browsers, where requests takes UTF-8",
    "python-label": "charsets and labels that only Python knows (DOS, EBCDIC, UTF-7, UTF-32): taken for UTF-8",
    "refused-by-browsers": "hz-gb-2312 and iso-2022-kr, with which scripts were smuggled in: taken for UTF-8",
    "windows-bytes": "ISO-8859-9, ISO-8859-11, TIS-620: 80 to 9F are the letters of Windows, as in browsers",
    "larger-table": "gb2312, shift_jis, big5: also the letters that were added later, as in browsers",
    "smaller-table": "cp949: Node has no more than the letters of euc-kr",
    "private-use": "big5, euc-kr: ICU makes a control character or a letter for private use of what is broken",
}

# Charsets that webmon reads under labels that browsers do not know.
OTHER_LABELS = {"latin-1", "cp932", "cp936", "cp949", "cp950", "eucjp", "euckr", "shiftjis", "utf16", "utf-16", "utf8", "us-ascii", "iso8859-16"}

# What Python calls the encodings of browsers.
PYTHON_NAMES = {
    "iso-8859-8-i": "iso-8859-8",
    "x-mac-cyrillic": "mac-cyrillic",
    "macintosh": "mac-roman",
    "windows-874": "cp874",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}

# Bytes about which Node 20 and Node 24 do not agree, among them what is no letter.
THAI = b"\xdb\xdc\xdd\xde\xfc\xfd\xfe\xff"
UNSURE = {
    "cp866": b"\x1a\x1c\x7f",
    "koi8-u": b"\xae\xbe",
    "cp1253": b"\xaa",
    "cp1255": b"\xca",
    "cp874": THAI,
    "iso8859-11": THAI,
    "tis-620": THAI,
}

LETTERS = {
    "gb": "简体中文网页，你好！",
    "hz": "简体中文网页，你好！",
    "big5": "繁體中文網頁，你好！",
    "jp": "日本語のページ、カタカナ: 100",
    "jis": "日本語のページ、カタカナ: 100",
    "kr": "한국어 페이지 안녕하세요",
    "johab": "한국어 페이지 안녕하세요",
    "cp932": "日本語のページ、カタカナ: 100",
    "cp949": "한국어 페이지 안녕하세요",
    "cp950": "繁體中文網頁，你好！",
    "utf": "\u20ac é 日本 \U0001f600 Привет",
}

ALL_BYTES = bytes(range(256))


def text_of(body, content_type):
    """As requests makes it of a response."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    raw = HTTPResponse(body=body, headers=headers, status=200, preload_content=False)
    raw._original_response = None
    request = requests.Request("GET", "http://localhost/").prepare()
    response = HTTPAdapter().build_response(request, raw)
    response._content = body
    return response.text


def python_name(label):
    try:
        return codecs.lookup(label).name
    except LookupError:
        return None


def page_for(codec):
    """All the bytes there are, or letters, where they take several bytes."""
    for part, letters in LETTERS.items():
        if part in codec:
            return (letters + r" a\b~c").encode(codec)
    return ALL_BYTES


def browser_text(body, encoding):
    return body.decode(PYTHON_NAMES.get(encoding, encoding), "replace")


def guessed(body):
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def without(body, first, last):
    return bytes(byte for byte in body if not first <= byte <= last)


class Cases:
    def __init__(self):
        self.cases = {}

    def add(self, body, content_type, difference=None, webmon=None):
        text = text_of(body, content_type)
        if difference is None and get_encoding_from_headers({"content-type": content_type}) is None:
            difference, webmon = "guess", guessed(body)
        if webmon == text:
            difference, webmon = None, None
        key = (body, text, difference, webmon)
        self.cases.setdefault(key, []).append(content_type)

    def written(self):
        for (body, text, difference, webmon), content_types in self.cases.items():
            case = {"contentTypes": content_types, "body": base64.b64encode(body).decode(), "text": text}
            if difference:
                case |= {"difference": difference, "webmon": webmon}
            yield case


def add_label(cases, label):
    content_type = f"text/html; charset={label}"
    python, browser = python_name(label), LABELS.get(label)
    dashed = label.replace("_", "-")
    known = browser or LABELS.get(dashed) or dashed in OTHER_LABELS
    codec = python or PYTHON_NAMES.get(browser, browser)
    body = bytes(byte for byte in page_for(codec) if byte not in UNSURE.get(codec, b""))
    if python is None:
        text = browser_text(body, browser)
        if len(text) == len(body):
            body = bytes(byte for byte, letter in zip(body, text) if letter != "\ufffd")
        # The labels of ISO-8859-1 mean windows-1252 to a browser, and to neither of us.
        cases.add(body, content_type, "browser-label", browser_text(body, "latin1" if label == "iso88591" else browser))
    elif python in ("hz", "iso2022_kr"):
        cases.add(body, content_type, "refused-by-browsers", body.decode("utf-8", "replace"))
    elif not known:
        cases.add(body, content_type, "python-label", body.decode("utf-8", "replace"))
    elif python in ("iso8859-9", "iso8859-11", "tis-620"):
        windows = "cp1254" if python == "iso8859-9" else "cp874"
        cases.add(without(body, 0x80, 0xA0), content_type)
        cases.add(b"\x80\x85\x91\x92\x93\x94\x95\x96\x97", content_type, "windows-bytes", b"\x80\x85\x91\x92\x93\x94\x95\x96\x97".decode(windows))
    else:
        cases.add(body, content_type)


def main():
    cases = Cases()

    # Content types.
    page = "café €".encode()
    for content_type in (
        "text/html",
        "text/plain",
        "text/html;",
        "text/html; charset",
        "text/html; charset=",
        "text/html; charset=utf-8",
        "text/html;charset=UTF-8",
        "text/html; charset=utf8",
        'text/html; charset="utf-8"',
        "text/html; charset='utf-8'",
        'text/html; charset="utf-8',
        "text/html; charset = utf-8",
        "text/html; CHARSET=utf-8",
        'text/html; "charset"=utf-8',
        "text/html; charset=utf-8; charset=latin1",
        "text/html; charset=latin1; charset=utf-8",
        "text/html; charset=utf-8; boundary=x",
        "text/html; boundary=x; charset=utf-8",
        "text/html; charset=utf-8 ; a=b",
        "text/html; xcharset=utf-8",
        "text/html, charset=utf-8",
        "text/html charset=utf-8",
        "text/html; charset:utf-8",
        "text/html; charset=latin1",
        "text/html; charset=iso-8859-1",
        "text/html; charset=ISO-8859-15",
        "text/html; charset=windows-1252",
        "text/html; charset=us-ascii",
        "text/html; charset=nonsense",
        "text/html; charset=none",
        "text/html; charset=utf-8,text/html",
        "text/html; charset==utf-8",
        ";charset=utf-8",
        "charset=utf-8",
        "; charset=latin1",
        "application/json",
        "application/json; charset=latin1",
        "application/json-patch+json",
        "application/x-text",
        "application/context+json",
        "image/svg+xml; charset=utf-8",
        "application/xhtml+xml; charset=windows-1252",
        "application/xhtml+xml",
        "application/problem+json",
        "image/png",
        "nonsense",
        "",
        None,
    ):
        cases.add(page, content_type)
    for content_type in ("TEXT/HTML", "Text/Plain"):
        cases.add("café".encode("latin1"), content_type, "capitals", "café")
    cases.add("café".encode("latin1"), "APPLICATION/JSON", "capitals", "caf\ufffd")

    # No charset.
    for letters, codec in (
        ("Hello", "ascii"),
        ("café", "latin1"),
        ("Die Straße ist schön, die Bäume sind grün, und überall hört man Vögel.", "latin1"),
        ("“Prices” from 5 € – today", "cp1252"),
        ("Привет, мир", "cp1251"),
        ("日本語のページ", "shift_jis"),
        ("日本語のページ", "utf-8"),
        ("\ufeffcafé", "utf-8"),
        ("café", "utf-16"),
    ):
        for content_type in (None, "application/octet-stream", "application/xml"):
            cases.add(letters.encode(codec), content_type)
    for content_type in (None, "text/html", "application/json", "text/html; charset=utf-16"):
        cases.add(b"", content_type)

    # Byte order marks.
    for codec in ("utf-8", "utf-16-le", "utf-16-be"):
        for mark in ("", "\ufeff"):
            body = (mark + "café").encode(codec)
            for charset in ("utf-8", "utf-16", "utf-16le", "utf-16be", "latin1"):
                cases.add(body, f"text/html; charset={charset}")

    # Broken UTF-8 (Unicode 15, 3.9: one U+FFFD for each maximal subpart) and others.
    for body in (
        b"a\xffb",
        b"a\x80b",
        b"a\xc3",
        b"a\xc3(",
        b"\xe2\x82",
        b"\xe2\x82a",
        b"\xe2\x28\xa1",
        b"\xf0\x9f\x98",
        b"\xf0\x9f\x98a\xf0\x9f",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xc1\xbf\xf5\x80",
        b"\xf4\x90\x80\x80",
        b"\xfe\xff\xfe",
        b"a\0b",
        b"\xef\xbf\xbe\xef\xbf\xbf",
    ):
        cases.add(body, "text/html; charset=utf-8")
        cases.add(body, "application/json")
    for charset, body in (
        ("utf-16le", b"a\0b"),
        ("utf-16le", b"\x00\xd8a\0"),
        ("utf-16be", b"\xdc\x00\0a"),
        ("gbk", b"\xc4"),
        ("gbk", b"\xc4\x20b"),
        ("big5", b"a\xff"),
        ("big5", b"\xa4\x20b"),
        ("shift_jis", b"a\xff"),
        ("shift_jis", b"\x93\x20b"),
        ("euc-jp", b"a\xff"),
        ("euc-jp", b"\xc6\x20b"),
        ("euc-kr", b"a\xff"),
        ("euc-kr", b"\xc7\x20b"),
        ("iso-2022-jp", b"\x1b$BF|"),
        ("iso-2022-jp", b"\x1b$BF|\x1b(Ba\xff"),
    ):
        cases.add(body, f"text/html; charset={charset}", *BROKEN.get((charset, body), ()))

    # Letters that only the larger tables have.
    for charset, codec, letters in (
        ("gb2312", "gbk", "朱镕基"),
        ("shift_jis", "cp932", "①髙"),
        ("big5", "cp950", "碁銹"),
    ):
        cases.add(letters.encode(codec), f"text/html; charset={charset}", "larger-table", letters)

    hangul = "똠방각하".encode("cp949")
    cases.add(hangul, "text/html; charset=euc-kr", "private-use", "\x8cc방각하")
    cases.add(hangul, "text/html; charset=cp949", "smaller-table", "\x8cc방각하")

    # All labels that browsers know and that Python knows.
    aliases = set(encodings.aliases.aliases) | set(encodings.aliases.aliases.values())
    aliases = {alias for alias in aliases if python_name(alias)} - NO_TEXT
    for label in sorted(set(LABELS) | aliases | {alias.replace("_", "-") for alias in aliases}):
        if LABELS.get(label) != "x-user-defined" and not (label in LABELS and python_name(label) is None and LABELS[label] == "replacement"):
            add_label(cases, label)

    print("{")
    print(f'"python": "{platform.python_version()}", "requests": "{requests.__version__}",')
    print(f'"differences": {json.dumps(DIFFERENCES)},')
    print('"cases": [')
    print(",\n".join(json.dumps(case, ensure_ascii=False) for case in cases.written()))
    print("]\n}")


# Codecs that make no text of bytes, or depend on the machine.
NO_TEXT = {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "mbcs"}
NO_TEXT |= {alias for alias, codec in encodings.aliases.aliases.items() if codec in NO_TEXT}

# How ICU reads what is broken, where it differs.
BROKEN = {
    ("big5", b"a\xff"): ("private-use", "a\uf8f8"),
}

main()
