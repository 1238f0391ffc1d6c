package expr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A date is what was read of one.
type date struct {
	time.Time      // in UTC
	zoned     bool // its text said which zone it is in
}

// A field is a piece of a .NET format: a letter that is repeated, or literal text.
type field struct {
	letter byte // 0: literal
	count  int
	text   string
}

// patterns are .NET's standard formats in the invariant culture.
func patterns() map[string]string {
	const long, round = "dddd, dd MMMM yyyy", "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK"
	const rfc1123 = "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'"
	return map[string]string{
		"d": "MM/dd/yyyy", "D": long, "f": long + " HH:mm", "F": long + " HH:mm:ss", "g": "MM/dd/yyyy HH:mm", "G": "MM/dd/yyyy HH:mm:ss",
		"m": "MMMM dd", "M": "MMMM dd", "o": round, "O": round, "r": rfc1123, "R": rfc1123, "s": "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
		"t": "HH:mm", "T": "HH:mm:ss", "u": "yyyy'-'MM'-'dd HH':'mm':'ss'Z'", "U": long + " HH:mm:ss", "y": "yyyy MMMM", "Y": "yyyy MMMM",
	}
}

// fields takes a format apart. A format of one letter is a standard one.
func fields(format string) ([]field, error) {
	if len(format) > 1000 {
		return nil, errors.New("the format has more than 1000 bytes: shorten it")
	}
	if len(format) == 1 {
		pattern, known := patterns()[format]
		if !known {
			return nil, fmt.Errorf("there is no standard format %q: write a custom one, such as yyyy-MM-dd", format)
		}
		format = pattern
	}
	if format == "" {
		return nil, errors.New("the format is empty: write one, such as yyyy-MM-dd")
	}
	var all []field
	for i := 0; i < len(format); {
		c := format[i]
		switch {
		case c == '\'' || c == '"':
			end := strings.IndexByte(format[i+1:], c)
			if end < 0 {
				return nil, fmt.Errorf("the format has %q without a second one", string(c))
			}
			all = append(all, field{text: format[i+1 : i+1+end]})
			i += end + 2
		case c == '\\' && i+1 < len(format):
			all = append(all, field{text: format[i+1 : i+2]})
			i += 2
		case c == '%' && i+1 < len(format):
			i++
		case strings.IndexByte("dfFghHKmMstyz", c) >= 0:
			n := len(format[i:]) - len(strings.TrimLeft(format[i:], string(c)))
			if (c == 'f' || c == 'F') && n > 7 {
				return nil, errors.New("the format has more than seven digits of a second")
			}
			all = append(all, field{letter: c, count: n})
			i += n
		default:
			all = append(all, field{text: format[i : i+1]})
			i++
		}
	}
	return all, nil
}

// format writes a date.
func (d date) format(format string) (string, error) {
	all, err := fields(format)
	if err != nil {
		return "", err
	}
	var b []byte
	for _, f := range all {
		if b = d.appendField(b, f); len(b) > MaxValue {
			return "", errors.New("the format is too long")
		}
	}
	return string(b), nil
}

func (d date) appendField(b []byte, f field) []byte {
	digits := func(n, least int) []byte { return fmt.Appendf(b, "%0*d", least, n) }
	switch f.letter {
	case 'd', 'M':
		return d.appendName(b, f)
	case 'f', 'F':
		s := fmt.Sprintf("%09d", d.Nanosecond())[:f.count]
		if f.letter == 'F' {
			if s = strings.TrimRight(s, "0"); s == "" && len(b) > 0 && b[len(b)-1] == '.' {
				return b[:len(b)-1]
			}
		}
		return append(b, s...)
	case 'g':
		return append(b, "A.D."...)
	case 'h':
		return digits((d.Hour()+11)%12+1, min(f.count, 2))
	case 'H':
		return digits(d.Hour(), min(f.count, 2))
	case 'm':
		return digits(d.Minute(), min(f.count, 2))
	case 's':
		return digits(d.Second(), min(f.count, 2))
	case 't':
		return append(b, []string{"AM", "PM"}[d.Hour()/12][:min(f.count, 2)]...)
	case 'y':
		if f.count <= 2 {
			return digits(d.Year()%100, f.count)
		}
		return digits(d.Year(), min(f.count, 16))
	case 'z':
		return append(b, []string{"+0", "+00", "+00:00"}[min(f.count, 3)-1]...)
	case 'K':
		if d.zoned {
			return append(b, 'Z')
		}
		return b
	}
	return append(b, f.text...)
}

// appendName writes days and months, which have names too.
func (d date) appendName(b []byte, f field) []byte {
	number, name := d.Day(), d.Weekday().String()
	if f.letter == 'M' {
		number, name = int(d.Month()), d.Month().String()
	}
	switch {
	case f.count <= 2:
		return fmt.Appendf(b, "%0*d", f.count, number)
	case f.count == 3:
		return append(b, name[:3]...)
	}
	return append(b, name...)
}

// A reading is a date that is being read.
type reading struct {
	rest                                         string
	year, month, day, hour, minute, second, nano int
	weekday                                      string // or empty
	half                                         string // AM, PM or empty
	zoned                                        bool
	offset                                       time.Duration
}

func newReading(s string) *reading { return &reading{rest: s, year: 1, month: 1, day: 1} }

// parseExact reads a date that is in a format from its beginning to its end.
func parseExact(s, format string) (date, error) {
	all, err := fields(format)
	if err != nil {
		return date{}, err
	}
	r := newReading(s)
	for _, f := range all {
		if !r.field(f) {
			return date{}, fmt.Errorf("character %d does not fit", len(s)-len(r.rest)+1)
		}
	}
	if r.rest != "" {
		return date{}, fmt.Errorf("from character %d on it is too long", len(s)-len(r.rest)+1)
	}
	return r.date()
}

// field reads one.
func (r *reading) field(f field) bool {
	most := max(f.count, 2)
	switch f.letter {
	case 'd':
		if f.count > 2 {
			return r.weekdayName(f.count == 3)
		}
		return r.digits(&r.day, f.count, most)
	case 'M':
		if f.count > 2 {
			return r.monthName(f.count == 3)
		}
		return r.digits(&r.month, f.count, most)
	case 'f':
		return r.fraction(f.count, f.count)
	case 'F':
		return r.fraction(0, f.count)
	case 'g':
		return r.literal("A.D.")
	case 'h', 'H':
		return r.digits(&r.hour, min(f.count, 2), 2)
	case 'm':
		return r.digits(&r.minute, min(f.count, 2), 2)
	case 's':
		return r.digits(&r.second, min(f.count, 2), 2)
	case 't':
		return r.halfDay(f.count)
	case 'y':
		if !r.digits(&r.year, f.count, most) {
			return false
		}
		if f.count <= 2 {
			r.year += 2000
			if r.year > 2049 { // .NET's TwoDigitYearMax
				r.year -= 100
			}
		}
		return true
	case 'z':
		return r.zone(f.count == 3)
	case 'K':
		if r.literal("Z") {
			r.zoned = true
			return true
		}
		return r.rest == "" || r.rest[0] != '+' && r.rest[0] != '-' || r.zone(true)
	}
	return r.literal(f.text)
}

func (r *reading) literal(s string) bool {
	rest, ok := strings.CutPrefix(r.rest, s)
	r.rest = rest
	return ok
}

// digits reads a number of so many digits.
func (r *reading) digits(to *int, least, most int) bool {
	n := 0
	for n < most && n < len(r.rest) && r.rest[n] >= '0' && r.rest[n] <= '9' {
		n++
	}
	v, err := strconv.Atoi(r.rest[:n])
	if n < least || err != nil {
		return false
	}
	*to, r.rest = v, r.rest[n:]
	return true
}

func (r *reading) fraction(least, most int) bool {
	before := r.rest
	n := 0
	if !r.digits(&n, least, most) {
		return least == 0
	}
	for range 9 - (len(before) - len(r.rest)) {
		n *= 10
	}
	r.nano = n
	return true
}

// word reads one of some words, in any case, and gives its number.
func (r *reading) word(words func(int) string, n int, short bool) (int, bool) {
	for i := range n {
		w := words(i)
		if short {
			w = w[:3]
		}
		if len(r.rest) >= len(w) && strings.EqualFold(r.rest[:len(w)], w) {
			r.rest = r.rest[len(w):]
			return i, true
		}
	}
	return 0, false
}

func (r *reading) weekdayName(short bool) bool {
	i, ok := r.word(func(i int) string { return time.Weekday(i).String() }, 7, short)
	r.weekday = time.Weekday(i).String()
	return ok
}

func (r *reading) monthName(short bool) bool {
	i, ok := r.word(func(i int) string { return time.Month(i + 1).String() }, 12, short)
	r.month = i + 1
	return ok
}

func (r *reading) halfDay(letters int) bool {
	i, ok := r.word(func(i int) string { return []string{"AM", "PM"}[i][:min(letters, 2)] }, 2, false)
	r.half = []string{"AM", "PM"}[i]
	return ok
}

// zone reads an offset: hours, and minutes with or without a colon.
func (r *reading) zone(minutes bool) bool {
	if r.rest == "" || r.rest[0] != '+' && r.rest[0] != '-' {
		return false
	}
	sign := time.Duration(1)
	if r.rest[0] == '-' {
		sign = -1
	}
	r.rest = r.rest[1:]
	var h, m int
	if !r.digits(&h, 1, 2) {
		return false
	}
	if minutes {
		r.literal(":")
		if !r.digits(&m, 2, 2) {
			return false
		}
	}
	r.zoned, r.offset = true, sign*(time.Duration(h)*time.Hour+time.Duration(m)*time.Minute)
	return m < 60 && r.offset.Abs() <= 14*time.Hour
}

// date puts together what was read.
func (r *reading) date() (date, error) {
	if r.half != "" {
		if r.hour < 1 || r.hour > 12 {
			return date{}, errors.New("an hour with AM or PM is from 1 to 12")
		}
		r.hour = r.hour%12 + map[string]int{"PM": 12}[r.half]
	}
	t := time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.second, r.nano, time.UTC)
	if r.year < 1 || r.year > 9999 || int(t.Month()) != r.month || t.Day() != r.day || t.Hour() != r.hour || t.Minute() != r.minute || t.Second() != r.second {
		return date{}, errors.New("there is no such day or time")
	}
	if r.weekday != "" && t.Weekday().String() != r.weekday {
		return date{}, errors.New("the day of the week is another one")
	}
	if t = t.Add(-r.offset); t.Year() < 1 || t.Year() > 9999 {
		return date{}, errors.New("the date is not between the years 1 and 9999")
	}
	return date{Time: t, zoned: r.zoned}, nil
}

// formatMoment is a date as CDate gives it.
func formatMoment(t time.Time) string { return t.UTC().Format("1/2/2006 3:04:05 PM") }

// dateForms are the forms of a day that CDate reads.
func dateForms() []string {
	return []string{"yyyy-M-d", "yyyy/M/d", "M/d/yyyy", "M-d-yyyy", "M/d/yy", "d MMMM yyyy", "d MMM yyyy", "MMMM d, yyyy", "MMM d, yyyy",
		"ddd, d MMM yyyy", "dddd, d MMMM yyyy", "dddd, MMMM d, yyyy"}
}

// parseMoment reads a day in one of the forms, a time if there is one, and a time
// zone if there is one.
func parseMoment(s string) (time.Time, bool) {
	if s = strings.TrimSpace(s); len(s) > 100 {
		return time.Time{}, false
	}
	for _, form := range dateForms() {
		all, _ := fields(form) // they are ours
		r := newReading(s)
		ok := true
		for _, f := range all {
			ok = ok && r.field(f)
		}
		if !ok || !r.timeOfDay() || !r.anyZone() || r.rest != "" {
			continue
		}
		if d, err := r.date(); err == nil {
			return d.Time, true
		}
	}
	return time.Time{}, false
}

// timeOfDay reads h:mm, with seconds, a fraction and AM or PM if they are there.
func (r *reading) timeOfDay() bool {
	before := r.rest
	if !r.literal("T") {
		r.rest = strings.TrimLeft(r.rest, " ")
	}
	if r.rest == before || !r.digits(&r.hour, 1, 2) {
		r.rest = before
		return true
	}
	if r.literal(":") && !r.digits(&r.minute, 2, 2) {
		return false
	}
	if r.literal(":") {
		if !r.digits(&r.second, 2, 2) || r.literal(".") && !r.fraction(1, 7) {
			return false
		}
	}
	before = r.rest
	if r.rest = strings.TrimLeft(r.rest, " "); !r.halfDay(2) {
		r.rest, r.half = before, ""
	}
	return true
}

// anyZone reads Z, GMT, UTC or an offset.
func (r *reading) anyZone() bool {
	r.rest = strings.TrimLeft(r.rest, " ")
	for _, zero := range []string{"Z", "GMT", "UTC"} {
		if r.literal(zero) {
			return true
		}
	}
	if r.rest == "" {
		return true
	}
	return r.zone(len(strings.TrimLeft(r.rest, "+-")) > 2)
}
