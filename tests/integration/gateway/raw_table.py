# SPDX-License-Identifier: Apache-2.0
"""What the HTTP/1.1 front does with raw input: one row per input.

A row is (name, bytes, statuses, closed, seen): the statuses of the replies in order, whether the server closes the
connection after the last, and what reached the handler: (method, path, query, body) each. A row without statuses is an
incomplete request: nothing is answered, nothing reaches the handler, the connection waits.
"""
from typing import NamedTuple


class Row(NamedTuple):
    name: str
    data: bytes
    statuses: tuple
    closed: bool
    seen: tuple


ROWS = []
H = b"Host: x\r\n"
E = b"\r\n"
GET = b"GET / HTTP/1.1\r\n"
POST = b"POST / HTTP/1.1\r\n"


def row(name, data, statuses, closed, *seen):
    ROWS.append(Row(name, data, statuses if isinstance(statuses, tuple) else (statuses,), closed, seen))


def bad(name, data, status=400):
    """Refused: one reply, connection closed, handler not reached."""
    row(name, data, status, True)


def ok(name, data, method="GET", path="/", query="", body=b"", closed=False):
    row(name, data, 200, closed, (method, path, query, body))


def field(line):
    return GET + H + line + b"\r\n" + E


# ---- well-formed ----
ok("plain get", GET + H + E)
ok("query", b"GET /a?q=1&r=%20 HTTP/1.1\r\n" + H + E, path="/a", query="q=1&r=%20")
ok("empty query", b"GET /a? HTTP/1.1\r\n" + H + E, path="/a")
ok("question mark in query", b"GET /a?b?c HTTP/1.1\r\n" + H + E, path="/a", query="b?c")
ok("brackets in query", b"GET /a?f[x]=1|2 HTTP/1.1\r\n" + H + E, path="/a", query="f[x]=1|2")
ok("long path over segments", b"GET /aaaa/bbbb/cccc?q=123 HTTP/1.1\r\n" + H + E, path="/aaaa/bbbb/cccc", query="q=123")
ok("percent-encoding is kept", b"GET /caf%C3%A9/%41 HTTP/1.1\r\n" + H + E, path="/caf%C3%A9/%41")
ok("all pchars", b"GET /-._~!$&'()*+,;=:@ HTTP/1.1\r\n" + H + E, path="/-._~!$&'()*+,;=:@")
ok("dots inside a segment", b"GET /a.b/...c/.d HTTP/1.1\r\n" + H + E, path="/a.b/...c/.d")
ok("three dots", b"GET /... HTTP/1.1\r\n" + H + E, path="/...")
ok("double slash", b"GET //a HTTP/1.1\r\n" + H + E, path="//a")
ok("trailing slash", b"GET /a/ HTTP/1.1\r\n" + H + E, path="/a/")
ok("one empty line before", E + GET + H + E)
ok("put", b"PUT / HTTP/1.1\r\n" + H + b"Content-Length: 2\r\n" + E + b"ab", method="PUT", body=b"ab")
ok("patch", b"PATCH / HTTP/1.1\r\n" + H + b"Content-Length: 2\r\n" + E + b"ab", method="PATCH", body=b"ab")
ok("delete", b"DELETE /x HTTP/1.1\r\n" + H + E, method="DELETE", path="/x")
ok("options", b"OPTIONS /x HTTP/1.1\r\n" + H + E, method="OPTIONS", path="/x")
ok("post without length", POST + H + E, method="POST")
ok("post", POST + H + b"Content-Length: 5\r\n" + E + b"hello", method="POST", body=b"hello")
ok("body with NUL and CRLF", POST + H + b"Content-Length: 6\r\n" + E + b"a\0\r\n\r\n", method="POST", body=b"a\0\r\n\r\n")
ok("get with body", GET + H + b"Content-Length: 3\r\n" + E + b"abc", body=b"abc")
ok("length 0", POST + H + b"Content-Length: 0\r\n" + E, method="POST")
ok("length with leading zero", POST + H + b"Content-Length: 05\r\n" + E + b"hello", method="POST", body=b"hello")
ok("length with white space around", POST + H + b"Content-Length: \t 5 \r\n" + E + b"hello", method="POST", body=b"hello")
ok("length name in other case", POST + H + b"cOnTeNt-LeNgTh:5\r\n" + E + b"hello", method="POST", body=b"hello")
ok("no space after colon", GET + b"Host:x\r\n" + E)
ok("empty value", field(b"X-Empty:"))
ok("value with obs-text", field(b"X-Name: caf\xc3\xa9"))
ok("value with tab inside", field(b"X-A: a\tb"))
ok("all token characters in a name", field(b"!#$%&'*+-.^_`|~09azAZ: v"))
ok("transfer_encoding is another field", field(b"Transfer_Encoding: chunked"))
ok("host with port", GET + b"Host: api.example:8080\r\n" + E)
ok("host ipv6", GET + b"Host: [::1]:8080\r\n" + E)
ok("upgrade is ignored", field(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"))
ok("http/1.0", b"GET / HTTP/1.0\r\n" + E, closed=True)
ok("http/1.0 keep-alive", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n" + E)
ok("http/1.0 with expectation", b"GET / HTTP/1.0\r\nExpect: anything\r\n" + E, closed=True)
ok("connection close", field(b"Connection: close"), closed=True)
ok("connection close in a list", field(b"Connection: TE, Close"), closed=True)
ok("two connection fields", field(b"Connection: TE\r\nConnection: close"), closed=True)
ok("100 fields", GET + H + b"".join(b"X-%d: v\r\n" % i for i in range(99)) + E)
ok("line of 8192", GET + H + b"X: " + b"v" * 8189 + b"\r\n" + E)
ok("request line of 8192", b"GET /" + b"a" * (8192 - 14) + b" HTTP/1.1\r\n" + H + E, path="/" + "a" * (8192 - 14))

# ---- more than one request ----
row("three pipelined gets", (b"GET /%d HTTP/1.1\r\n" + H + E) * 3 % (1, 2, 3), (200, 200, 200), False,
    ("GET", "/1", "", b""), ("GET", "/2", "", b""), ("GET", "/3", "", b""))
row("pipelined posts", (POST + H + b"Content-Length: 2\r\n" + E + b"ab") * 2, (200, 200), False,
    ("POST", "/", "", b"ab"), ("POST", "/", "", b"ab"))
row("pipelined behind a late reply", b"GET /later HTTP/1.1\r\n" + H + E + b"GET /2 HTTP/1.1\r\n" + H + E, (200, 200), False,
    ("GET", "/later", "", b""), ("GET", "/2", "", b""))
row("pipelined behind a chunked post", POST + H + b"Transfer-Encoding: chunked\r\n" + E + b"2\r\nab\r\n0\r\n\r\n" + GET + H + E,
    (200, 200), False, ("POST", "/", "", b"ab"), ("GET", "/", "", b""))
row("good, then bad", GET + H + E + b"GET / HTTP/3.0\r\n" + H + E, (200, 505), True, ("GET", "/", "", b""))
row("bytes after a body are the next request", POST + H + b"Content-Length: 2\r\n" + E + b"abXX /\r\n", (200, 400), True,
    ("POST", "/", "", b"ab"))
row("nothing is answered after close", field(b"Connection: close") + GET + H + E, 200, True, ("GET", "/", "", b""))
row("http/1.0 is not pipelined", b"GET / HTTP/1.0\r\n" + E + GET + H + E, 200, True, ("GET", "/", "", b""))

# ---- chunked bodies ----
CH = POST + H + b"Transfer-Encoding: chunked\r\n" + E
ok("chunked", CH + b"5\r\nhello\r\n0\r\n\r\n", method="POST", body=b"hello")
ok("chunked in two", CH + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", method="POST", body=b"hello")
ok("chunked empty", CH + b"0\r\n\r\n", method="POST")
ok("chunked upper-case name", POST + H + b"Transfer-Encoding: CHUNKED\r\n" + E + b"1\r\na\r\n0\r\n\r\n", method="POST", body=b"a")
ok("chunk size with leading zeros", CH + b"00000005\r\nhello\r\n0\r\n\r\n", method="POST", body=b"hello")
ok("chunk size in upper case", CH + b"A\r\n0123456789\r\n0\r\n\r\n", method="POST", body=b"0123456789")
bad("chunk extension", CH + b"5;a=b\r\nhello\r\n0\r\n\r\n")
bad("chunk size 0x5", CH + b"0x5\r\nhello\r\n0\r\n\r\n")
bad("chunk size with trailing space", CH + b"5 \r\nhello\r\n0\r\n\r\n")
bad("chunk size that wraps", CH + b"10000000000000005\r\nhello\r\n0\r\n\r\n")
bad("chunk size of nine digits", CH + b"000000005\r\nhello\r\n0\r\n\r\n")
bad("chunk size beyond the limit", b"POST /small HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n" + E + b"FFFFFFFF\r\n" +
    b"a" * 1001, 413)
bad("chunk size empty", CH + b"\r\nhello\r\n0\r\n\r\n")
bad("chunk size negative", CH + b"-5\r\nhello\r\n0\r\n\r\n")
bad("chunk line ends in LF", CH + b"5\nhello\r\n0\r\n\r\n")
bad("chunk longer than its size", CH + b"4\r\nhello\r\n0\r\n\r\n")
bad("chunk shorter than its size", CH + b"6\r\nhello\r\n0\r\n\r\n")
bad("chunk trailer field", CH + b"5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n")
bad("chunk trailer then smuggled request", CH + b"0\r\nX: y\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
bad("chunk end without empty line", CH + b"0\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")

# ---- framing that parsers disagree about ----
bad("two lengths, different", POST + H + b"Content-Length: 5\r\nContent-Length: 0\r\n" + E + b"hello")
bad("two lengths, equal", POST + H + b"Content-Length: 5\r\nContent-Length: 5\r\n" + E + b"hello")
bad("length list", POST + H + b"Content-Length: 5, 5\r\n" + E + b"hello")
bad("length empty", POST + H + b"Content-Length:\r\n" + E)
bad("length blank", POST + H + b"Content-Length: \t \r\n" + E)
for text in (b"-1", b"+5", b"0x5", b"5;a", b"1e1", b"5.0", b"5 5", b"five", b"\xb2", b"5\x0b"):
    bad("length %s" % ascii(text)[2:-1], POST + H + b"Content-Length: " + text + b"\r\n" + E + b"hello")
bad("length of 19 digits", POST + H + b"Content-Length: 0000000000000000005\r\n" + E + b"hello")
bad("length above 2^64", POST + H + b"Content-Length: 50000000000000000000\r\n" + E)
bad("length 2^64-1", POST + H + b"Content-Length: 18446744073709551615\r\n" + E)
bad("length and chunked", POST + H + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + E + b"0\r\n\r\n")
bad("chunked and length", POST + H + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" + E + b"0\r\n\r\n")
bad("chunked twice", POST + H + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + E + b"0\r\n\r\n")
bad("http/1.0 chunked", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" + E + b"0\r\n\r\n")
for text in (b"identity", b"gzip, chunked", b"chunked, chunked", b"xchunked", b'"chunked"', b"chunked;q=1", b"gzip", b"",
             b"chunked,", b"chu nked"):
    bad("coding %s" % text.decode(), POST + H + b"Transfer-Encoding: " + text + b"\r\n" + E + b"0\r\n\r\n", 501)
bad("coding identity then chunked", POST + H + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n" + E, 501)
ok("coding with trailing space", POST + H + b"Transfer-Encoding: chunked \r\n" + E + b"0\r\n\r\n", method="POST")
ok("coding after tab", POST + H + b"Transfer-Encoding:\tchunked\r\n" + E + b"0\r\n\r\n", method="POST")
bad("coding with vertical tab", POST + H + b"Transfer-Encoding: \x0bchunked\r\n" + E + b"0\r\n\r\n")
bad("space before colon, coding", POST + H + b"Transfer-Encoding : chunked\r\n" + E + b"0\r\n\r\n")
bad("space before colon, length", POST + H + b"Content-Length : 5\r\n" + E + b"hello")
bad("tab before colon", POST + H + b"Content-Length\t: 5\r\n" + E + b"hello")
bad("leading space", POST + H + b" Transfer-Encoding: chunked\r\n" + E + b"0\r\n\r\n")
bad("leading space on the first field", b"GET / HTTP/1.1\r\n Host: x\r\n" + E)
bad("folded with tab", POST + H + b"Content-Length: 1\r\n\t0\r\n" + E + b"0123456789")
bad("folded with space", field(b"X-A: a\r\n b"))

# ---- line ends and control characters ----
bad("bare LF lines", b"GET / HTTP/1.1\nHost: x\n\n")
bad("bare LF after the request line", b"GET / HTTP/1.1\n" + H + E)
bad("bare LF after a field", GET + b"Host: x\nX: y\r\n" + E)
bad("bare LF at the end", GET + H + b"\n")
bad("bare CR in a value", field(b"X-A: a\rb"))
bad("bare CR in the request line", b"GET /\r HTTP/1.1\r\n" + H + E)
bad("CR CR LF", b"GET / HTTP/1.1\r\r\n" + H + E)
bad("NUL in a value", field(b"X-A: a\0b"))
bad("NUL in a name", field(b"X\0A: b"))
bad("NUL in the path", b"GET /a\0b HTTP/1.1\r\n" + H + E)
bad("NUL in the query", b"GET /a?b\0c HTTP/1.1\r\n" + H + E)
bad("NUL in the method", b"GE\0T / HTTP/1.1\r\n" + H + E)
bad("control character in a name", field(b"X\x01A: b"))
bad("tab in a name", field(b"X\tA: b"))
bad("space in a name", field(b"X A: b"))
bad("escape in a value", field(b"X-A: \x1b[2J"))
bad("DEL in a value", field(b"X-A: a\x7f"))
bad("obs-text in a name", field(b"X-\xc3\xa9: b"))
bad("no colon", field(b"nonsense"))
bad("empty name", field(b": value"))
bad("bracket in a name", field(b"X[A]: b"))

# ---- request line ----
bad("lower-case method", b"get / HTTP/1.1\r\n" + H + E, 501)
bad("unknown method", b"FOO / HTTP/1.1\r\n" + H + E, 501)
bad("trace", b"TRACE / HTTP/1.1\r\n" + H + E, 501)
bad("connect", b"CONNECT a:443 HTTP/1.1\r\n" + H + E, 501)
bad("method is no token", b"G@T / HTTP/1.1\r\n" + H + E)
bad("space before the method", b" GET / HTTP/1.1\r\n" + H + E)
bad("two spaces", b"GET  / HTTP/1.1\r\n" + H + E)
bad("two spaces before the version", b"GET /  HTTP/1.1\r\n" + H + E)
bad("tab as separator", b"GET\t/\tHTTP/1.1\r\n" + H + E)
bad("trailing space", b"GET / HTTP/1.1 \r\n" + H + E)
bad("no version", b"GET /\r\n" + E)
bad("no target", b"GET HTTP/1.1\r\n" + H + E)
bad("method alone", b"GET\r\n" + E)
bad("http/0.9", b"GET / HTTP/0.9\r\n" + H + E, 505)
bad("http/1.2", b"GET / HTTP/1.2\r\n" + H + E, 505)
bad("http/2.0", b"GET / HTTP/2.0\r\n" + H + E, 505)
bad("http/9.9", b"GET / HTTP/9.9\r\n" + H + E, 505)
bad("http/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
bad("http/1.10", b"GET / HTTP/1.10\r\n" + H + E)
bad("http/11", b"GET / HTTP/11\r\n" + H + E)
bad("http/1,1", b"GET / HTTP/1,1\r\n" + H + E)
bad("lower-case version", b"GET / http/1.1\r\n" + H + E)
bad("version HTTP/ 1.1", b"GET / HTTP/ 1.1\r\n" + H + E)
bad("absolute form", b"GET http://x/ HTTP/1.1\r\n" + H + E)
bad("absolute form, other host", b"GET http://evil/ HTTP/1.1\r\n" + H + E)
bad("asterisk form", b"OPTIONS * HTTP/1.1\r\n" + H + E)
bad("authority form", b"GET x:80 HTTP/1.1\r\n" + H + E)
bad("relative path", b"GET a HTTP/1.1\r\n" + H + E)
bad("fragment", b"GET /a#b HTTP/1.1\r\n" + H + E)
bad("raw utf-8 in the path", b"GET /caf\xc3\xa9 HTTP/1.1\r\n" + H + E)
bad("raw utf-8 in the query", b"GET /?q=\xc3\xa9 HTTP/1.1\r\n" + H + E)
bad("quote in the path", b'GET /a"b HTTP/1.1\r\n' + H + E)
bad("angle bracket in the query", b"GET /?q=<script> HTTP/1.1\r\n" + H + E)
bad("backslash in the path", b"GET /a\\b HTTP/1.1\r\n" + H + E)
bad("dot segment", b"GET /a/../b HTTP/1.1\r\n" + H + E)
bad("single dot segment", b"GET /a/./b HTTP/1.1\r\n" + H + E)
bad("dot segment at the end", b"GET /a/.. HTTP/1.1\r\n" + H + E)
bad("encoded dot segment", b"GET /a/%2e%2e/b HTTP/1.1\r\n" + H + E)
bad("half encoded dot segment", b"GET /a/.%2E/b HTTP/1.1\r\n" + H + E)
bad("encoded NUL", b"GET /a%00b HTTP/1.1\r\n" + H + E)
bad("encoded slash", b"GET /a%2Fb HTTP/1.1\r\n" + H + E)
bad("encoded slash, lower case", b"GET /a%2fb HTTP/1.1\r\n" + H + E)
bad("encoded backslash", b"GET /a%5Cb HTTP/1.1\r\n" + H + E)
bad("encoded CR LF", b"GET /a%0d%0aX:%20y HTTP/1.1\r\n" + H + E)
bad("encoded DEL", b"GET /a%7F HTTP/1.1\r\n" + H + E)
bad("broken percent", b"GET /a%zz HTTP/1.1\r\n" + H + E)
bad("cut percent", b"GET /a%2 HTTP/1.1\r\n" + H + E)
bad("broken percent in the query", b"GET /a?b=%g1 HTTP/1.1\r\n" + H + E)
bad("cut percent in the query", b"GET /a?b=% HTTP/1.1\r\n" + H + E)
bad("two empty lines before", E + E + GET + H + E)
bad("request line too long", b"GET /" + b"a" * (8193 - 14) + b" HTTP/1.1\r\n" + H + E, 414)
bad("request line without end", b"GET /" + b"a" * 9000, 414)
bad("tls client hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
bad("binary noise", b"\x00\x01\x02\x03")

# ---- fields ----
bad("no host", GET + E)
bad("two hosts", GET + H + H + E)
bad("two hosts, different", GET + b"Host: a\r\nHost: b\r\n" + E)
bad("host empty", GET + b"Host:\r\n" + E)
bad("host with a path", GET + b"Host: x/y\r\n" + E)
bad("host with space", GET + b"Host: a b\r\n" + E)
bad("host with user", GET + b"Host: a@b\r\n" + E)
bad("authorization twice", field(b"Authorization: Bearer a\r\nAuthorization: Bearer b"))
bad("content-type twice", field(b"Content-Type: a/b\r\nContent-Type: c/d"))
bad("idempotency-key twice", field(b"Idempotency-Key: a\r\nIdempotency-Key: b"))
bad("101 fields", GET + H + b"".join(b"X-%d: v\r\n" % i for i in range(100)) + E, 431)
bad("field line too long", GET + H + b"X: " + b"v" * 8190 + b"\r\n" + E, 431)
bad("head too large", GET + H + (b"X: " + b"v" * 4000 + b"\r\n") * 5 + E, 431)
bad("field without end", GET + H + b"X: " + b"v" * 9000, 431)
bad("unknown expectation", POST + H + b"Expect: foo\r\nContent-Length: 5\r\n" + E + b"hello", 417)
row("expect 100, then the body at once", POST + H + b"Expect: 100-continue\r\nContent-Length: 5\r\n" + E + b"hello", 200, False,
    ("POST", "/", "", b"hello"))

# ---- bodies over the limit, answered from the head ----
bad("body over the limit", POST + H + b"Content-Length: 1048577\r\n" + E, 413)
bad("body of 10^18-1 bytes", POST + H + b"Content-Length: 999999999999999999\r\n" + E, 413)
bad("body over the route's limit", b"POST /small HTTP/1.1\r\n" + H + b"Content-Length: 1001\r\n" + E, 413)
ok("body at the route's limit", b"POST /small HTTP/1.1\r\n" + H + b"Content-Length: 1000\r\n" + E + b"a" * 1000,
   method="POST", path="/small", body=b"a" * 1000)
bad("chunked body over the route's limit", b"POST /small HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n" + E +
    b"3e9\r\n" + b"a" * 1001 + b"\r\n0\r\n\r\n", 413)

# ---- incomplete: nothing happens ----
for name, data in (("nothing", b""), ("half a method", b"GE"), ("request line only", GET), ("no empty line", GET + H),
                   ("CR of the last line", GET + H + b"\r"), ("an empty line", E), ("a CR", b"\r"),
                   ("half a body", POST + H + b"Content-Length: 5\r\n" + E + b"hel"),
                   ("half a chunk", CH + b"5\r\nhel"), ("chunks without end", CH + b"5\r\nhello\r\n0\r\n")):
    row("incomplete: " + name, data, (), False)

# ---- replies without a body ----
row("head", b"HEAD /x HTTP/1.1\r\n" + H + E, 200, False, ("HEAD", "/x", "", b""))
row("head, then get", b"HEAD / HTTP/1.1\r\n" + H + E + GET + H + E, (200, 200), False, ("HEAD", "/", "", b""), ("GET", "/", "", b""))
row("204", b"GET /status/204 HTTP/1.1\r\n" + H + E, 204, False, ("GET", "/status/204", "", b""))
row("304", b"GET /status/304 HTTP/1.1\r\n" + H + E, 304, False, ("GET", "/status/304", "", b""))

assert len({r.name for r in ROWS}) == len(ROWS)
