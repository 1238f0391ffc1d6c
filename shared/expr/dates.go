package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// dateFunctions are those on dates, which are texts in the form M/d/yyyy h:mm:ss tt.
// All of them mean UTC; a date that says nothing of a time zone is in UTC.
func dateFunctions() []Function {
	return []Function{
		{Name: "CDate", Params: []Param{each("expression")}, Pages: "app", eager: cDate,
			Doc: "The date in UTC, as M/d/yyyy h:mm:ss tt. It reads what .NET reads in the invariant culture: 2020-03-16, with a time and a time " +
				"zone if need be, 3/16/2020 7:00 AM, 16 March 2020."},
		{Name: "DateAdd", Params: []Param{need("interval"), need("value"), each("dateTime")}, Pages: "app", eager: dateAdd, check: oneOf(0, intervals()...),
			Doc: "The date so many intervals later, or earlier. Intervals are yyyy, q, m, y, d, w, ww, h, n (minutes) and s. A month that is too " +
				"short for the day gives its last day."},
		{Name: "DateDiff", Params: []Param{need("interval"), need("date1"), need("date2")}, Pages: "app", eager: dateDiff, check: oneOf(0, intervals()...),
			Doc: "How many intervals date2 is after date1; negative where it is before. Years, quarters, months and weeks count the borders " +
				"between them (a week begins on Sunday), the others the whole ones that have passed."},
		{Name: "DateFromNum", Params: []Param{each("value")}, Pages: "app cloudsync", eager: dateFromNum,
			Doc: "The date that Active Directory writes as a number: 100 nanoseconds since 1601."},
		{Name: "FormatDateTime", Params: []Param{each("source"), may("dateTimeStyles"), need("inputFormat"), need("outputFormat")}, Pages: "app cloudsync",
			eager: formatDateTime, check: checkStyles, order: withoutStyles,
			Doc: "A date in another form. Formats are .NET's, custom or standard, in the invariant culture; dateTimeStyles are .NET's too. A " +
				"source with a time zone is converted to UTC. With three arguments they are source, inputFormat and outputFormat."},
		{Name: "Now", Pages: "app", eager: now, Volatile: true,
			Doc: "The present date in UTC, as M/d/yyyy h:mm:ss tt."},
		{Name: "NumFromDate", Params: []Param{each("value")}, Pages: "app", eager: numFromDate,
			Doc: "The number that Active Directory writes for a date, as accountExpires has it: 100 nanoseconds since 1601."},
	}
}

func intervals() []string {
	return []string{"yyyy", "q", "m", "y", "d", "w", "ww", "h", "n", "s"}
}

// asMoment is the moment that a date stands for.
func (v Value) asMoment() (time.Time, bool) {
	if v.dated {
		return momentOf(v.number), true
	}
	if v.kind != KindText {
		return time.Time{}, false
	}
	return parseMoment(v.text)
}

// moment is an argument as one.
func (a args) moment(i int) (time.Time, error) {
	t, ok := a.value(i).asMoment()
	if !ok {
		return t, fmt.Errorf("%s: %s is no date: write one such as 2020-03-16, or convert it by FormatDateTime", a.call.fn.param(i).Name, show(a.value(i)))
	}
	return t, nil
}

// dated is a date as a value, from the year 1 to 9999.
func dated(t time.Time) (Value, error) {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return Value{}, errors.New("the date is not between the years 1 and 9999")
	}
	return moment(t), nil
}

func cDate(a args) (Value, error) {
	if a.value(0).empty() {
		return Null, nil
	}
	t, err := a.moment(0)
	if err != nil {
		return Value{}, err
	}
	return dated(t)
}

func now(a args) (Value, error) {
	if a.in.Now.IsZero() {
		return Value{}, errors.New("the time is not known here")
	}
	return dated(a.in.Now.Truncate(time.Second))
}

func dateAdd(a args) (Value, error) {
	if a.value(1).empty() || a.value(2).empty() {
		return Null, nil
	}
	interval, err := a.text(0)
	if err != nil {
		return Value{}, err
	}
	n, err := a.number(1, 0)
	if err != nil {
		return Value{}, err
	}
	t, err := a.moment(2)
	if err != nil {
		return Value{}, err
	}
	const most = 400_000_000_000 // seconds of more than 10,000 years
	if n > most || n < -most {
		return Value{}, fmt.Errorf("value: %d is too large", n)
	}
	units := map[string]time.Duration{"y": 24 * time.Hour, "d": 24 * time.Hour, "w": 24 * time.Hour, "ww": 7 * 24 * time.Hour, "h": time.Hour, "n": time.Minute, "s": time.Second}
	switch interval = strings.ToLower(interval); interval {
	case "yyyy":
		return dated(addMonths(t, 12*n))
	case "q":
		return dated(addMonths(t, 3*n))
	case "m":
		return dated(addMonths(t, n))
	}
	unit, known := units[interval]
	if !known {
		return Value{}, fmt.Errorf("interval: there is no %s: write one of %s", show(a.value(0)), strings.Join(intervals(), ", "))
	}
	if n > most/int64(unit/time.Second) || n < -most/int64(unit/time.Second) {
		return Value{}, fmt.Errorf("value: %d is too large", n)
	}
	return dated(time.Unix(t.Unix()+n*int64(unit/time.Second), int64(t.Nanosecond())))
}

// addMonths keeps the day where the month has it, and else takes its last one.
func addMonths(t time.Time, n int64) time.Time {
	year, month, day := t.Date()
	total := int64(year)*12 + int64(month) - 1 + n
	if total < 0 || total > 12*10_000 {
		return time.Time{}.AddDate(-1, 0, 0) // outside of what dated takes
	}
	year, month = int(total/12), time.Month(total%12+1)
	if last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day(); day > last {
		day = last
	}
	return time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// dateDiff counts as Visual Basic's DateDiff does.
func dateDiff(a args) (Value, error) {
	if a.value(1).empty() || a.value(2).empty() {
		return Null, nil
	}
	interval, err := a.text(0)
	if err != nil {
		return Value{}, err
	}
	from, err := a.moment(1)
	if err != nil {
		return Value{}, err
	}
	to, err := a.moment(2)
	if err != nil {
		return Value{}, err
	}
	seconds := to.Unix() - from.Unix()
	months := int64(to.Year()-from.Year())*12 + int64(to.Month()-from.Month())
	switch strings.ToLower(interval) {
	case "yyyy":
		return Number(int64(to.Year() - from.Year())), nil
	case "q":
		return Number(int64(to.Year()-from.Year())*4 + int64((to.Month()-1)/3-(from.Month()-1)/3)), nil
	case "m":
		return Number(months), nil
	case "d", "y":
		return Number(seconds / 86400), nil
	case "w":
		return Number(seconds / 86400 / 7), nil
	case "ww":
		return Number((seconds + 86400*int64(from.Weekday()-to.Weekday())) / 86400 / 7), nil
	case "h":
		return Number(seconds / 3600), nil
	case "n":
		return Number(seconds / 60), nil
	case "s":
		return Number(seconds), nil
	}
	return Value{}, fmt.Errorf("interval: there is no %s: write one of %s", show(a.value(0)), strings.Join(intervals(), ", "))
}

// epoch is where Active Directory's numbers begin, the year 1601 in seconds of Unix.
const epoch = -11644473600

const ticks = 10_000_000 // of 100 ns, in a second

// ticksOf counts ticks from the year 1, as .NET does; int64 holds all that dated
// takes.
func ticksOf(t time.Time) int64 { return (t.Unix()-beginning)*ticks + int64(t.Nanosecond())/100 }

func momentOf(n int64) time.Time { return time.Unix(n/ticks+beginning, n%ticks*100).UTC() }

// beginning is the year 1, in seconds of Unix.
const beginning = -62135596800

func dateFromNum(a args) (Value, error) {
	if a.value(0).empty() {
		return Null, nil
	}
	n, err := a.number(0, 0)
	if err != nil {
		return Value{}, err
	}
	if n < 0 {
		return Value{}, fmt.Errorf("value: %d is no date: Active Directory counts from 1601", n)
	}
	v, err := dated(time.Unix(n/ticks+epoch, n%ticks*100))
	if err != nil {
		return Value{}, fmt.Errorf("value: %d is beyond all dates, which means never: compare it before it is converted", n)
	}
	return v, nil
}

func numFromDate(a args) (Value, error) {
	if a.value(0).empty() {
		return Null, nil
	}
	t, err := a.moment(0)
	if err != nil {
		return Value{}, err
	}
	n := ticksOf(t) - (epoch-beginning)*ticks
	if n < 0 {
		return Value{}, fmt.Errorf("value: %s is before 1601, where Active Directory's dates begin", show(a.value(0)))
	}
	return Number(n), nil
}

// styles are .NET's DateTimeStyles. Those about zones say what is done anyway: what
// has none is in UTC, and the result is.
func styles() []string {
	return []string{"None", "AllowLeadingWhite", "AllowTrailingWhite", "AllowInnerWhite", "AllowWhiteSpaces", "NoCurrentDateDefault", "AdjustToUniversal", "AssumeLocal", "AssumeUniversal", "RoundtripKind"}
}

// withoutStyles takes the form with three arguments, which has no styles.
func withoutStyles(c *call) {
	if len(c.args) == 3 {
		c.args = slices.Insert(c.args, 1, node(omitted{}))
	}
}

func checkStyles(p *parser, c *call) {
	if style, constant := constantText(c, 1); constant {
		if _, err := readStyles(style); err != nil {
			p.mistake(c.offset, c.fn.Name, "%v", err)
		}
	}
}

// readStyles gives the blanks that the styles allow around a date.
func readStyles(text string) (blanks string, err error) {
	const both = "AllowLeadingWhite, AllowTrailingWhite"
	if text == "" {
		text = both
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "|", ","), ",") {
		name := strings.TrimPrefix(strings.TrimSpace(part), "DateTimeStyles.")
		known := false
		for _, s := range styles() {
			if strings.EqualFold(s, name) {
				name, known = s, true
			}
		}
		if !known {
			return "", fmt.Errorf("dateTimeStyles: there is no %q: write one of %s", name, strings.Join(styles(), ", "))
		}
		blanks += name + " "
	}
	return blanks, nil
}

func formatDateTime(a args) (Value, error) {
	if a.value(0).empty() {
		return Null, nil
	}
	var texts [4]string
	for i := range texts {
		s, err := a.text(i)
		if err != nil {
			return Value{}, err
		}
		texts[i] = s
	}
	allowed, err := readStyles(texts[1])
	if err != nil {
		return Value{}, err
	}
	source := texts[0]
	if strings.Contains(allowed, "AllowLeadingWhite") || strings.Contains(allowed, "AllowWhiteSpaces") {
		source = strings.TrimLeft(source, " \t\r\n")
	}
	if strings.Contains(allowed, "AllowTrailingWhite") || strings.Contains(allowed, "AllowWhiteSpaces") {
		source = strings.TrimRight(source, " \t\r\n")
	}
	d, err := parseExact(source, texts[2])
	if err != nil {
		return Value{}, fmt.Errorf("source: %s is no date in the format %q: %w", show(a.value(0)), texts[2], err)
	}
	d.zoned = d.zoned || strings.Contains(allowed, "Universal")
	s, err := d.format(texts[3])
	if err != nil {
		return Value{}, fmt.Errorf("outputFormat: %w", err)
	}
	return Text(s), nil
}
