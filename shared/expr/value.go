package expr

import (
	"strconv"
	"strings"
	"time"
)

// A Kind is what a value is.
type Kind uint8

// The kinds. The language has no date: a date is text, of which the functions on
// dates remember which moment it stands for.
const (
	KindNull   Kind = iota // no value
	KindText               // one text
	KindTexts              // two or more: no value is null, one is text
	KindBool               // True or False
	KindNumber             // a whole number of 64 bits
	KindIgnore             // IgnoreFlowIfNullOrEmpty: leave the attribute as it is
)

// A Value is what an expression gives, and what an attribute has. Its zero value
// is null.
type Value struct {
	kind   Kind
	secret bool // Redact: nobody is shown it
	dated  bool // number is the moment that the text stands for, in .NET's ticks
	number int64
	text   string
	texts  *[]string // of KindTexts
}

// Null is no value.
var Null Value

// Text is a text, which may be empty.
func Text(s string) Value { return Value{kind: KindText, text: s} }

// Texts are the values of a multi-valued attribute. None is null. The slice is
// not copied.
func Texts(values ...string) Value {
	switch len(values) {
	case 0:
		return Null
	case 1:
		return Text(values[0])
	}
	all := values // its own, so that the other cases need no memory
	return Value{kind: KindTexts, texts: &all}
}

// Bool is True or False.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.number = 1
	}
	return v
}

// Number is a whole number.
func Number(n int64) Value { return Value{kind: KindNumber, number: n} }

// moment is a date as the language writes it.
func moment(t time.Time) Value {
	return Value{kind: KindText, text: formatMoment(t), dated: true, number: ticksOf(t)}
}

// Kind says what the value is.
func (v Value) Kind() Kind { return v.kind }

// IsNull says whether there is no value; one that is to be ignored is none either.
func (v Value) IsNull() bool { return v.kind == KindNull || v.kind == KindIgnore }

// Ignored says that the attribute is to be left as it is, whatever it holds.
func (v Value) Ignored() bool { return v.kind == KindIgnore }

// Secret says that the value came through Redact, and must not be logged.
func (v Value) Secret() bool { return v.secret }

// Values are the texts of the value: none of null, one of a number (decimal) or a
// boolean (True or False).
func (v Value) Values() []string {
	switch v.kind {
	case KindNull, KindIgnore:
		return nil
	case KindTexts:
		return v.list()
	}
	return []string{v.plain()}
}

// plain is the text of a value that is not multi-valued; null is empty.
func (v Value) plain() string {
	switch v.kind {
	case KindText:
		return v.text
	case KindBool:
		if v.number != 0 {
			return "True"
		}
		return "False"
	case KindNumber:
		return strconv.FormatInt(v.number, 10)
	}
	return ""
}

// String is the value for people: what Redact hides stays hidden.
func (v Value) String() string {
	switch {
	case v.secret:
		return "[Redact]"
	case v.kind == KindNull:
		return "null"
	case v.kind == KindIgnore:
		return "(ignored)"
	case v.kind == KindText:
		return strconv.Quote(v.text)
	case v.kind == KindTexts:
		quoted := make([]string, len(v.list()))
		for i, s := range v.list() {
			quoted[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return v.plain()
}

// size is what the value counts for in the limits, in bytes.
func (v *Value) size() int {
	n := len(v.text)
	for _, s := range v.list() {
		n += len(s)
	}
	return n
}

// list are several values, or none.
func (v *Value) list() []string {
	if v.texts == nil {
		return nil
	}
	return *v.texts
}

// empty says whether there is no value, or an empty text.
func (v Value) empty() bool { return v.IsNull() || v.kind == KindText && v.text == "" }

// asNumber reads a number, also one in quotation marks: decimal, or &H and
// hexadecimal digits.
func (v Value) asNumber() (int64, bool) {
	switch v.kind {
	case KindNumber, KindBool:
		return v.number, true
	case KindText:
		return parseNumber(strings.TrimSpace(v.text))
	}
	return 0, false
}

func parseNumber(s string) (int64, bool) {
	if len(s) > 2 && s[0] == '&' && s[1]|0x20 == 'h' && s[2] != '-' && s[2] != '+' {
		n, err := strconv.ParseUint(s[2:], 16, 64)
		return int64(n), err == nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// asBool reads True or False in any case, or a number, of which 0 is False. Null
// and the empty text are False.
func (v Value) asBool() (value, ok bool) {
	switch {
	case v.empty():
		return false, true
	case v.kind == KindText && strings.EqualFold(v.text, "true"):
		return true, true
	case v.kind == KindText && strings.EqualFold(v.text, "false"):
		return false, true
	}
	n, ok := v.asNumber()
	return n != 0, ok
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
