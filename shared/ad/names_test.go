package ad

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

func TestSID(t *testing.T) {
	for text, bin := range map[directory.SID]string{
		"S-1-1-0":      "010100000000000100000000",
		"S-1-5-32-544": "01020000000000052000000020020000",
		"S-1-5-21-1004336348-1177238915-682003330-512": "010500000000000515000000dcf4dc3b833d2b46828ba62800020000",
		"S-1-281474976710655-4294967295":               "0101ffffffffffffffffffff",
	} {
		b, err := EncodeSID(text)
		if err != nil || hex.EncodeToString(b) != bin {
			t.Errorf("encode %s: %x, %v", text, b, err)
		}
		if s, err := DecodeSID(b); err != nil || s != text {
			t.Errorf("decode %s: %s, %v", text, s, err)
		}
	}
	for _, bad := range []string{"", "01", "0201000000000001000000", "010200000000000100000000", "0110000000000005"} {
		b, _ := hex.DecodeString(bad)
		if s, err := DecodeSID(b); err == nil {
			t.Errorf("decode %s: got %s", bad, s)
		}
	}
	for _, bad := range []directory.SID{"", "S-1", "S-1-5-4294967296", "S-2-5-1", "x"} {
		if b, err := EncodeSID(bad); err == nil {
			t.Errorf("encode %q: got %x", bad, b)
		}
	}
}

func TestGUID(t *testing.T) {
	const text = plan.GUID("00112233-4455-6677-8899-aabbccddeeff")
	b, err := EncodeGUID(text)
	if err != nil || hex.EncodeToString(b) != "33221100554477668899aabbccddeeff" {
		t.Errorf("encode: %x, %v", b, err)
	}
	if g, err := DecodeGUID(b); err != nil || g != text {
		t.Errorf("decode: %s, %v", g, err)
	}
	if f, err := filterGUID(text); err != nil || !strings.HasPrefix(f, `(objectGUID=\33\22\11\00\55`) {
		t.Errorf("filter: %s, %v", f, err)
	}
	if _, err := DecodeGUID(b[1:]); err == nil {
		t.Error("decoded 15 bytes")
	}
	if _, err := EncodeGUID("x"); err == nil {
		t.Error("encoded x")
	}
}

func FuzzSID(f *testing.F) {
	f.Add([]byte{1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSID(b)
		if err != nil {
			return
		}
		if len(b) == 8 {
			return // no parts: decoded, though no SID of ours has this form
		}
		if again, err := EncodeSID(s); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x -> %s -> %x, %v", b, s, again, err)
		}
	})
}

func FuzzGUID(f *testing.F) {
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := DecodeGUID(b)
		if err != nil {
			return
		}
		if again, err := EncodeGUID(g); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x -> %s -> %x, %v", b, g, again, err)
		}
	})
}

func TestLinks(t *testing.T) {
	const guid = "<GUID=00112233-4455-6677-8899-AABBCCDDEEFF>;"
	l, err := parseLink(guid + "<SID=S-1-5-21-1-2-3-1104>;CN=a>;b,DC=x")
	if want := (link{guid: "00112233-4455-6677-8899-aabbccddeeff", sid: "S-1-5-21-1-2-3-1104", dn: "CN=a>;b,DC=x"}); err != nil || l != want {
		t.Errorf("got %+v, %v", l, err)
	}
	if l, err := parseLink(guid + "CN=contact,DC=x"); err != nil || l.sid != "" || l.dn != "CN=contact,DC=x" {
		t.Errorf("got %+v, %v", l, err)
	}
	for _, bad := range []string{"", "CN=x", "<GUID=x>;CN=x", guid, guid + "<SID=x>;CN=x", "<SID=S-1-1-0>;CN=x", "<GUID=00112233"} {
		if l, err := parseLink(bad); err == nil {
			t.Errorf("%q: got %+v", bad, l)
		}
	}
	for value, want := range map[string]string{guid + "CN=x": "CN=x", "CN=x": "CN=x", "<GUID=x>": "<GUID=x>", "plain": "plain"} {
		if got := plainDN(value); got != want {
			t.Errorf("%s: got %s", value, got)
		}
	}
}
