package expr

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// codeFunctions are those on numbers, encodings, names of the directory and
// randomness.
func codeFunctions() []Function {
	return []Function{
		{Name: "BitAnd", Params: []Param{need("value1"), need("value2")}, Pages: "app cloudsync", eager: bitAnd,
			Doc: "The bits that both numbers have. Numbers are decimal or, behind &H, hexadecimal, and may be quoted. With null it is null."},
		{Name: "ConvertFromBase64", Params: []Param{each("source"), {Name: "Encoding", Optional: true, Words: encodings()}}, Pages: "cloudsync",
			eager: fromBase64, check: oneOf(1, encodings()...),
			Doc: "The text that was encoded in Base64, from Unicode (UTF-16LE) unless another encoding is named."},
		{Name: "ConvertToBase64", Params: []Param{each("source")}, Pages: "app cloudsync", eager: onText(toBase64),
			Doc: "The text in UTF-16LE, which .NET calls Unicode, as Base64."},
		{Name: "ConvertToUTF8Hex", Params: []Param{each("source")}, Pages: "app cloudsync",
			eager: onText(func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }),
			Doc:   "The bytes of the text in UTF-8, as hexadecimal digits in upper case."},
		{Name: "CRef", Params: []Param{each("value")}, Pages: "cloudsync connect", eager: onText(func(s string) string { return s }),
			Doc: "The distinguished name, as it is: here a reference is a text. The cloud sync page uses it in an example for DNComponent."},
		{Name: "CStr", Params: []Param{each("value")}, Pages: "app cloudsync", eager: onText(func(s string) string { return s }),
			Doc: "The value as text: a number in decimal, a boolean as True or False."},
		{Name: "DNComponent", Params: []Param{each("dn"), need("ComponentNumber")}, Pages: "cloudsync connect", eager: dnComponent,
			Doc: "The value of a component of a distinguished name, counted from 1 from the left, without its escapes; null where there is no such one."},
		{Name: "Guid", Pages: "app cloudsync", eager: guid, Volatile: true,
			Doc: "A new random GUID. For attributes that are written on creation only."},
		{Name: "RandomString", Params: []Param{need("Length"), need("MinimumNumbers"), need("MinimumSpecialCharacters"), need("MinimumCapital"), need("MinimumLowerCase"), may("CharactersToAvoid")},
			Pages: "app", eager: randomString, Volatile: true,
			Doc: "A random text of Length characters, at most 256, with at least so many of each kind. For attributes that are written on creation only."},
		{Name: "Redact", Params: []Param{need("value")}, Pages: "app", eager: redact,
			Doc: "The value itself; logs and previews show [Redact] in its place, and in place of whatever is made of it."},
		{Name: "StringFromSid", Params: []Param{each("ObjectSID")}, Pages: "cloudsync connect", eager: stringFromSID,
			Doc: "The SID as text (S-1-5-21-…). The bytes come as Base64; a SID that is text already stays as it is."},
	}
}

func bitAnd(a args) (Value, error) {
	if a.value(0).IsNull() || a.value(1).IsNull() {
		return Null, nil
	}
	x, err := a.number(0, 0)
	if err != nil {
		return Value{}, err
	}
	y, err := a.number(1, 0)
	return Number(x & y), err
}

func encodings() []string { return []string{"Unicode", "ASCII", "UTF8"} }

func fromBase64(a args) (Value, error) {
	if a.value(0).IsNull() {
		return Null, nil
	}
	s, err := a.text(0)
	if err != nil {
		return Value{}, err
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return Value{}, fmt.Errorf("source: %s is not Base64", show(a.value(0)))
	}
	encoding, err := a.text(1)
	if err != nil {
		return Value{}, err
	}
	switch strings.ToLower(encoding) {
	case "utf8":
		return Text(strings.ToValidUTF8(string(data), "\uFFFD")), nil
	case "ascii":
		return Text(strings.Map(func(r rune) rune {
			if r >= utf8.RuneSelf {
				return '?'
			}
			return r
		}, string(data))), nil
	case "", "unicode":
		units := make([]uint16, len(data)/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(data[2*i:])
		}
		return Text(string(utf16.Decode(units))), nil
	}
	return Value{}, fmt.Errorf("encoding: there is no %s: write one of %s", show(a.value(1)), strings.Join(encodings(), ", "))
}

func toBase64(s string) string {
	var data []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		data = binary.LittleEndian.AppendUint16(data, unit)
	}
	return base64.StdEncoding.EncodeToString(data)
}

// dnComponent takes a name apart as RFC 4514 writes it.
func dnComponent(a args) (Value, error) {
	if a.value(0).IsNull() {
		return Null, nil
	}
	dn, err := a.text(0)
	if err != nil {
		return Value{}, err
	}
	n, err := a.number(1, 0)
	if err != nil {
		return Value{}, err
	}
	for dn != "" {
		var rdn string
		rdn, dn = cutRDN(dn)
		if n--; n != 0 {
			continue
		}
		_, value, ok := strings.Cut(rdn, "=")
		if !ok {
			return Value{}, fmt.Errorf("dn: %s is no distinguished name such as CN=Sales,DC=corp,DC=example", show(a.value(0)))
		}
		return Text(unescapeDN(strings.TrimSpace(value))), nil
	}
	return Null, nil
}

// cutRDN cuts a name behind its first component. A comma that is escaped, or
// between quotation marks, does not end it.
func cutRDN(dn string) (rdn, rest string) {
	quoted := false
	for i := 0; i < len(dn); i++ {
		switch dn[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ',', ';':
			if !quoted {
				return dn[:i], dn[i+1:]
			}
		}
	}
	return dn, ""
}

// unescapeDN reads \, and \2C; a value in quotation marks stands for what is
// between them.
func unescapeDN(s string) string {
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+2 < len(s) {
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.Write(c)
				i += 2
				continue
			}
		}
		i++
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// stringFromSID reads a SID's bytes (MS-DTYP 2.4.2.2).
func stringFromSID(a args) (Value, error) {
	s, err := a.text(0)
	if err != nil || a.value(0).IsNull() || strings.HasPrefix(s, "S-1-") {
		return a.value(0), err
	}
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(data) < 8 || data[0] != 1 || len(data) != 8+4*int(data[1]) {
		return Value{}, fmt.Errorf("ObjectSID: %s is no SID in Base64", show(a.value(0)))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "S-1-%d", binary.BigEndian.Uint64(append([]byte{0, 0}, data[2:8]...)))
	for i := 8; i < len(data); i += 4 {
		fmt.Fprintf(&b, "-%d", binary.LittleEndian.Uint32(data[i:]))
	}
	return Text(b.String()), nil
}

func redact(a args) (Value, error) {
	v := a.value(0)
	v.secret = true
	return v, nil
}

// random fills a slice with random bytes.
func (m *machine) random(data []byte) error {
	if m.in.Random == nil {
		return errors.New("there is no randomness here: the function is for attributes that are written on creation only")
	}
	m.in.Random(data)
	return nil
}

// below is a random number from 0 to n-1, with n up to 256.
func (m *machine) below(n int) (int, error) {
	var one [1]byte
	for range 1000 { // each try succeeds in more than half of all cases
		if err := m.random(one[:]); err != nil {
			return 0, err
		}
		if int(one[0]) < 256/n*n {
			return int(one[0]) % n, nil
		}
	}
	return 0, errors.New("the randomness is none: it gives the same again and again")
}

func guid(a args) (Value, error) {
	var id [16]byte
	if err := a.random(id[:]); err != nil {
		return Value{}, err
	}
	id[6] = id[6]&0x0f | 0x40 // version 4, RFC 9562
	id[8] = id[8]&0x3f | 0x80
	return Text(fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])), nil
}

// randomString takes the least of each kind first, then others of any kind, and
// mixes them.
func randomString(a args) (Value, error) {
	kinds := []string{"", "0123456789", "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"}
	avoid, err := a.text(5)
	if err != nil {
		return Value{}, err
	}
	var chosen []byte
	length, all := 0, ""
	for i, kind := range kinds {
		n, err := a.number(i, 0)
		if err != nil {
			return Value{}, err
		}
		if n < 0 || n > 256 {
			return Value{}, fmt.Errorf("%s: write a number from 0 to 256", a.call.fn.param(i).Name)
		}
		if i == 0 {
			length = int(n)
			continue
		}
		kind = without(kind, avoid)
		all += kind
		if chosen, err = a.choose(chosen, kind, int(n)); err != nil {
			return Value{}, err
		}
	}
	if len(chosen) > length {
		return Value{}, fmt.Errorf("there are to be %d characters, and at least %d of the kinds: make Length larger", length, len(chosen))
	}
	if chosen, err = a.choose(chosen, all, length-len(chosen)); err != nil {
		return Value{}, err
	}
	for i := len(chosen) - 1; i > 0; i-- { // Fisher and Yates
		j, err := a.below(i + 1)
		if err != nil {
			return Value{}, err
		}
		chosen[i], chosen[j] = chosen[j], chosen[i]
	}
	return Text(string(chosen)), nil
}

// choose appends random characters.
func (m *machine) choose(to []byte, among string, n int) ([]byte, error) {
	if n > 0 && among == "" {
		return nil, errors.New("CharactersToAvoid: no character is left to choose from")
	}
	for range n {
		i, err := m.below(len(among))
		if err != nil {
			return nil, err
		}
		to = append(to, among[i])
	}
	return to, nil
}

func without(s, avoid string) string {
	avoided := oneIn(avoid)
	return strings.Map(func(r rune) rune {
		if avoided(r) {
			return -1
		}
		return r
	}, s)
}
