//! Functions of network addresses and URLs.

use super::{Function, Param, Returns, function, overload};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "NET.IP_FROM_STRING",
        "The 4 or 16 bytes of an address.",
        &[overload(&[Param::String], Returns::Bytes, "logweir.ip($1)").safe("logweir.safe_ip($1)")],
        &[
            ("TO_HEX(NET.IP_FROM_STRING('48.49.50.51'))", "30313233"),
            ("TO_HEX(NET.IP_FROM_STRING('::1'))", "00000000000000000000000000000001"),
            ("TO_HEX(SAFE.NET.IP_FROM_STRING('10.0.0.1/8'))", "NULL"),
            ("TO_HEX(NET.IP_FROM_STRING(NULL))", "NULL"),
        ],
    ),
    function(
        "NET.SAFE_IP_FROM_STRING",
        "The 4 or 16 bytes of an address; NULL of what is none.",
        &[overload(&[Param::String], Returns::Bytes, "logweir.safe_ip($1)").total()],
        &[
            ("TO_HEX(NET.SAFE_IP_FROM_STRING('10.0.0.1'))", "0a000001"),
            (
                "TO_HEX(NET.SAFE_IP_FROM_STRING('::ffff:1.2.3.4'))",
                "00000000000000000000ffff01020304",
            ),
            ("TO_HEX(NET.SAFE_IP_FROM_STRING('256.0.0.1'))", "NULL"),
            ("TO_HEX(NET.SAFE_IP_FROM_STRING('1:2:3'))", "NULL"),
            ("TO_HEX(NET.SAFE_IP_FROM_STRING('bad'))", "NULL"),
        ],
    ),
    function(
        "NET.IP_TO_STRING",
        "The address of 4 or 16 bytes as text.",
        &[overload(&[Param::Bytes], Returns::String, "logweir.ip_text($1)")
            .safe("logweir.safe_ip_text($1)")],
        &[
            ("NET.IP_TO_STRING(b'0123')", "48.49.50.51"),
            ("NET.IP_TO_STRING(b'0123456789@ABCDE')", "3031:3233:3435:3637:3839:4041:4243:4445"),
            ("NET.IP_TO_STRING(NET.IP_FROM_STRING('2001:db8:0:0::1'))", "2001:db8::1"),
            ("SAFE.NET.IP_TO_STRING(b'012')", "NULL"),
        ],
    ),
    function(
        "NET.IP_NET_MASK",
        "So many bytes (4 or 16) of which so many bits are set from the begin.",
        &[overload(&[Param::Int64, Param::Int64], Returns::Bytes, "logweir.ip_mask($1, $2)")
            .safe("logweir.safe_ip_mask($1, $2)")],
        &[
            ("TO_HEX(NET.IP_NET_MASK(4, 20))", "fffff000"),
            ("TO_HEX(NET.IP_NET_MASK(4, 0))", "00000000"),
            ("TO_HEX(NET.IP_NET_MASK(16, 128))", "ffffffffffffffffffffffffffffffff"),
            ("TO_HEX(SAFE.NET.IP_NET_MASK(4, 33))", "NULL"),
            ("TO_HEX(SAFE.NET.IP_NET_MASK(5, 1))", "NULL"),
        ],
    ),
    function(
        "NET.IP_TRUNC",
        "An address with so many bits kept and the others 0.",
        &[overload(&[Param::Bytes, Param::Int64], Returns::Bytes, "logweir.ip_trunc($1, $2)")
            .safe("logweir.safe_ip_trunc($1, $2)")],
        &[
            (r"TO_HEX(NET.IP_TRUNC(b'\xAA\xBB\xCC\xDD', 11))", "aaa00000"),
            (r"TO_HEX(NET.IP_TRUNC(b'\xAA\xBB\xCC\xDD', 32))", "aabbccdd"),
            ("NET.IP_TO_STRING(NET.IP_TRUNC(NET.IP_FROM_STRING('10.1.2.3'), 8))", "10.0.0.0"),
            ("TO_HEX(SAFE.NET.IP_TRUNC(b'0123', 33))", "NULL"),
        ],
    ),
    function(
        "NET.IPV4_FROM_INT64",
        "The 4 bytes of a number from -0x80000000 to 0xFFFFFFFF.",
        &[overload(&[Param::Int64], Returns::Bytes, "logweir.ipv4_from_int64($1)")
            .safe("logweir.safe_ipv4_from_int64($1)")],
        &[
            ("TO_HEX(NET.IPV4_FROM_INT64(11259375))", "00abcdef"),
            ("TO_HEX(NET.IPV4_FROM_INT64(-2))", "fffffffe"),
            ("TO_HEX(SAFE.NET.IPV4_FROM_INT64(4294967296))", "NULL"),
        ],
    ),
    function(
        "NET.IPV4_TO_INT64",
        "The number of 4 bytes, from 0 to 0xFFFFFFFF.",
        &[overload(&[Param::Bytes], Returns::Int64, "logweir.ipv4_to_int64($1)")
            .safe("logweir.safe_ipv4_to_int64($1)")],
        &[
            (r"NET.IPV4_TO_INT64(b'\xFF\xFF\xFF\xFE')", "4294967294"),
            ("NET.IPV4_TO_INT64(NET.IP_FROM_STRING('1.2.3.4'))", "16909060"),
            ("SAFE.NET.IPV4_TO_INT64(b'0')", "NULL"),
        ],
    ),
    function(
        "NET.HOST",
        "The host of a URL, as it stands in it.",
        &[overload(&[Param::String], Returns::String, "logweir.host($1)").total()],
        &[
            ("NET.HOST('https://user:pw@www.example.co.uk:8080/p?q')", "www.example.co.uk"),
            ("NET.HOST('www.Example.com')", "www.Example.com"),
            ("NET.HOST('//x.y/z')", "x.y"),
            ("NET.HOST('mailto:a@b.c')", "b.c"),
            ("NET.HOST('https://[::1]:80')", "[::1]"),
            ("NET.HOST('    www.Example.Co.UK    ')", "www.Example.Co.UK"),
            ("NET.HOST('mailto:?to=&subject=&body=')", "mailto"),
            ("NET.HOST('not a url')", "not a url"),
            (r"NET.HOST('http:\\\\a.b\\c')", "a.b"),
            ("NET.HOST('http://.a..b')", "a..b"),
            ("NET.HOST('http:/a.b')", "http"),
            ("NET.HOST('1http://a@b@c:x/d')", "c"),
            ("NET.HOST('')", "NULL"),
            ("NET.HOST(NULL)", "NULL"),
        ],
    ),
];
