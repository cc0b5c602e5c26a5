"""SIP requests, whose Call-IDs the kernel keeps with the templates of persistent clients."""

from __future__ import annotations


def invite(call_id: bytes) -> bytes:
    """A SIP request with this Call-ID."""
    return (
        b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060\r\n"
        b"From: Alice <sip:alice@example.com>;tag=1\r\nTo: Bob <sip:bob@example.com>\r\n"
        b"Call-ID: " + call_id + b"\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
