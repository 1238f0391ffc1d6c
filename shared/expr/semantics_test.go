package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"groupwriteback/shared/expr"
)

// hold evaluates expressions and holds them to what they give.
func hold(t *testing.T, in expr.Input, want map[string]string) {
	t.Helper()
	for text, want := range want {
		if got := result(text, in); got != want {
			t.Errorf("%s\n gives %s\nwanted %s", text, got, want)
		}
	}
}

// TestComparisons: what is equal, and what is less.
func TestComparisons(t *testing.T) {
	in := world(map[string]expr.Value{"on": expr.Bool(true), "n": expr.Number(10), "many": expr.Texts("a", "b"), "empty": expr.Text("")})
	hold(t, in, map[string]string{
		`"a" = "a"`: "True", `"a" = "A"`: "False", `"a" <> "A"`: "True", `"a" < "b"`: "True", `"b" <= "a"`: "False", `"b" >= "b"`: "True",
		`"10" = "010"`: "False", `10 = "010"`: "True", `"10" > "9"`: "True", `"10" > "9a"`: "False", `[n] >= "10"`: "True", `[n] < 10`: "False", `[n] = "ten"`: "False", `[n] <> "ten"`: "True",
		`&HA = [n]`: "True", `-3 < -2`: "True", `"-3" < 2`: "True",
		`[on] = "true"`: "True", `[on] = True`: "True", `[on] = "yes"`: "False", `[on] <> False`: "True", `"False" = [on]`: "False", `[on] = 1`: "True",
		`[none] = ""`: "False", `[none] <> ""`: "False", `[none] = [none]`: "False", `[none] < 1`: "False", `Null >= Null`: "False", `[empty] = ""`: "True", `[empty] <> "a"`: "True",
		`IgnoreFlowIfNullOrEmpty("") = ""`:                         "False",
		`CDate("2020-03-16") = CDate("2020-03-16T00:00:00Z")`:      "True",
		`CDate("2020-03-16") = "16 March 2020"`:                    "True",
		`CDate("2020-10-16") > CDate("2020-09-16")`:                "True",
		`DateAdd("d", 1, Now()) > Now()`:                           "True",
		`CDate("2020-10-16") = "soon"`:                             "False",
		`CDate("2020-10-16T10:00:00.5Z") > "2020-10-16T10:00:00Z"`: "True",
		`[many] = "a"`:          "error: column 8: =: there are 2 values where one is needed: take one by Item, or join them by Join",
		`"a" = [many]`:          "error: column 5: =: there are 2 values where one is needed: take one by Item, or join them by Join",
		`"a" & "b" = "a" & "b"`: "True",
		`("a" = "a") & ""`:      `"True"`,
		`[many] & ""`:           "error: column 8: &: there are 2 values where one is needed: take one by Item, or join them by Join",
		`Null & Null`:           "null",
		`1 & 2 & -3`:            `"12-3"`,
		`IIF(0, "yes", "no") & IIF(7, "yes", "no") & IIF(Null, "yes", "no") & IIF("", "yes", "no") & IIF("TRUE", "yes", "no")`: `"noyesnonoyes"`,
	})
}

// TestUnits: places and lengths are counted in units of UTF-16, and nothing is cut
// in half.
func TestUnits(t *testing.T) {
	in := world(map[string]expr.Value{"s": expr.Text("a🙂bü🙂")})
	hold(t, in, map[string]string{
		`Left([s], 1)`: `"a"`, `Left([s], 2)`: `"a"`, `Left([s], 3)`: `"a🙂"`, `Left([s], 5)`: `"a🙂bü"`, `Left([s], 7)`: `"a🙂bü🙂"`, `Left([s], 99)`: `"a🙂bü🙂"`,
		`Mid([s], 2, 2)`: `"🙂"`, `Mid([s], 4, 2)`: `"bü"`, `Mid([s], 3)`: `"bü🙂"`, `Mid([s], 6, 1)`: `""`, `Mid([s], 8)`: `""`,
		`InStr([s], "b")`: "4", `InStr([s], "🙂", 3)`: "6", `InStr([s], "Ü", 1, vbTextCompare)`: "5", `InStr([s], "")`: "1", `InStr("", "")`: "0", `InStr("abc", "c", 9)`: "0",
		`InStr("abcabc", "B", "3", "1")`: "5", `InStr("abc", "B", -5, vbbinarycompare)`: "0", `InStr("abc", "a", 0)`: "1",
		`InStr("straße x", "X", , vbTextCompare)`: "8", `InStr("ΟΔΥΣΣΕΥΣ", "ς", , vbTextCompare)`: "4",
	})
}

// TestSubstitutions are .NET's, in the replacement of a regular expression.
func TestSubstitutions(t *testing.T) {
	in := world(map[string]expr.Value{"pattern": expr.Text("b+"), "bad": expr.Text("("), "group": expr.Text("n"), "other": expr.Text("m")})
	want := map[string]string{
		`Replace("abbc", , [pattern], , "x", , )`:                         `"axc"`,
		`Replace("abbc", , [bad], , "x", , )`:                             "error: column 1: Replace: regexPattern: error parsing regexp: missing closing ) in `(`: write a regular expression as .NET understands it",
		`Replace("abbc", , "(?<n>b)", [group], "x", , )`:                  `"axxc"`,
		`Replace("abbc", , "(?<n>b)", [other], "x", , )`:                  `error: column 1: Replace: regexGroupName: the pattern has no group "m"`,
		`Replace("abbbc", , "a(?<n>b)+", "n", "x", , )`:                   `"axxxc"`,
		`Replace("abbbc", , "a(b)+", "1", "x", , )`:                       `"axxxc"`,
		`Replace("ac", , "a(?<n>b)?", "n", "x", , )`:                      `"ac"`,
		`Replace("ab", , "(?<n>(?=b))", "n", "-", , )`:                    `"a-b"`,
		`Replace("abcd", , "(?<=(?<n>b)c)(?<n>d)|(?<n>a)", "n", "-", , )`: `"--c-"`,
		`Replace("a\b", "\\", , , "/", , )`:                               `"a/b"`,
		`Replace("abc", "", , , "x", , )`:                                 `"abc"`,
		`Replace("", , "^$", , "x", , )`:                                  `"x"`,
		`Replace("Straße", , "(?i)STRASSE|straße", , "x", , )`:            `"x"`,
		`Replace("x1y", , "[^\d]", , "", , )`:                             `"1"`,
		`Replace("", , "(?<n>\d+)", "n", , "a12", )`:                      `"12"`,
		`Replace(Null, , "(?<n>\d+)", "n", , Null, )`:                     `null`,
	}
	for to, result := range map[string]string{
		"$0": "[ab]", "$1": "[a]", "${1}": "[a]", "${last}": "[b]", "$2": "[b]", "$3": "[$3]", "$12": "[a2]", "$$1": "[$1]", "$&$&": "[abab]", "$`": "[x]", "$'": "[y]", "$_": "[xaby]",
		"$+": "[b]", "$": "[$]", "${": "[${]", "${none}": "[${none}]", "$x": "[$x]", "a$": "[a$]", "": "[]", "\\\\1": `[\\1]`,
	} {
		want[`Replace("xaby", , "(a)(?<last>b)", , "[`+to+`]", , )`] = `"x` + result + `y"`
	}
	hold(t, in, want)
}

// TestDateFormats are .NET's, in the invariant culture.
func TestDateFormats(t *testing.T) {
	want := map[string]string{}
	for format, result := range map[string]string{
		"d": "07/02/2021", "D": "Friday, 02 July 2021", "f": "Friday, 02 July 2021 15:03", "F": "Friday, 02 July 2021 15:03:08", "g": "07/02/2021 15:03", "G": "07/02/2021 15:03:08",
		"M": "July 02", "m": "July 02", "o": "2021-07-02T15:03:08.1200000", "O": "2021-07-02T15:03:08.1200000", "r": "Fri, 02 Jul 2021 15:03:08 GMT", "R": "Fri, 02 Jul 2021 15:03:08 GMT",
		"s": "2021-07-02T15:03:08", "t": "15:03", "T": "15:03:08", "u": "2021-07-02 15:03:08Z", "U": "Friday, 02 July 2021 15:03:08", "y": "2021 July", "Y": "2021 July",
		"%d": "2", "%M": "7", "%h": "3", "%H": "15", "%m": "3", "%s": "8", "%y": "21", "%t": "P", "%z": "+0", "%f": "1", "%F": "1", "%K": "", "%g": "A.D.",
		"dd MM yy": "02 07 21", "yyy": "2021", "yyyyy": "02021", "ddd, MMM": "Fri, Jul", "dddd, MMMM": "Friday, July", "hh:mm:ss tt": "03:03:08 PM", "HH.mm": "15.03",
		"ss.fff": "08.120", "ss.FFF": "08.12", "fffffff": "1200000", "zz": "+00", "zzz": "+00:00", "yyyyMMddHHmmss.0Z": "20210702150308.0Z",
		"'day' d": "day 2", `d\\d`: "2d", `\"h\"h`: "h3", "Quartal": "Quar" + "P" + "al", "yyyy年": "2021年",
	} {
		want[`FormatDateTime("2021-07-02T15:03:08.12", , "yyyy-MM-ddTHH:mm:ss.ff", "`+format+`")`] = fmt.Sprintf("%q", result)
	}
	hold(t, world(nil), want)
}

// TestDatesAreRead in the forms that .NET reads.
func TestDatesAreRead(t *testing.T) {
	want := map[string]string{}
	for source, result := range map[string]string{
		"2021-7-2": "7/2/2021 12:00:00 AM", "2021/07/02 15:03": "7/2/2021 3:03:00 PM", "7/2/2021": "7/2/2021 12:00:00 AM", "7-2-2021 3:03:08 pm": "7/2/2021 3:03:08 PM", "7/2/21": "7/2/2021 12:00:00 AM", "7/2/49 1:00": "7/2/2049 1:00:00 AM", "7/2/50": "7/2/1950 12:00:00 AM",
		"2 July 2021": "7/2/2021 12:00:00 AM", "2 Jul 2021 15:03 GMT": "7/2/2021 3:03:00 PM", "July 2, 2021": "7/2/2021 12:00:00 AM", "Jul 2, 2021 12:00 AM": "7/2/2021 12:00:00 AM", "Fri, 02 Jul 2021 15:03:08 GMT": "7/2/2021 3:03:08 PM", "Friday, July 2, 2021": "7/2/2021 12:00:00 AM",
		"2021-07-02T15:03:08Z": "7/2/2021 3:03:08 PM", "2021-07-02 15:03:08 UTC": "7/2/2021 3:03:08 PM", "2021-07-02T15:03:08.1234567+02:00": "7/2/2021 1:03:08 PM", "2021-07-02T15:03+0530": "7/2/2021 9:33:00 AM", " 2021-07-02Z ": "7/2/2021 12:00:00 AM",
		"2021-07-02 12:30 PM": "7/2/2021 12:30:00 PM", "2021-07-02 4 PM": "7/2/2021 4:00:00 PM", "2000-02-29": "2/29/2000 12:00:00 AM", "9999-12-31T23:59:59Z": "12/31/9999 11:59:59 PM", "0001-01-01": "1/1/0001 12:00:00 AM",
	} {
		want[`CDate("`+source+`")`] = `"` + result + `"`
	}
	for _, none := range []string{"soon", "2021", "2021-13-01", "2021-02-29", "2021-07-02T25:00", "2021-07-02T15:60", "2021-07-02 13:00 PM", "2021-07-02+15:00", "2021-07-02+01:60", "Monday, July 2, 2021", "2021-07-02x", "2021-07-02 1:", "2021-07-02T15:03:08.", "0001-01-01+01:00", "9999-12-31T23:59:59-01:00", strings.Repeat("2", 101)} {
		if got := result(`CDate("`+none+`")`, world(nil)); !strings.Contains(got, "is no date: write one such as 2020-03-16") {
			t.Errorf("%s: %s", none, got)
		}
	}
	hold(t, world(nil), want)
}

// TestDatesInAFormat: what does not fit is an error.
func TestDatesInAFormat(t *testing.T) {
	want := map[string]string{}
	for _, tt := range [][3]string{ // source, format, result
		{"7/2/2021 3:03:08 PM", "M/d/yyyy h:mm:ss tt", "2021-07-02 15:03:08.0000000"},
		{"07022021", "MMddyyyy", "2021-07-02 00:00:00.0000000"},
		{"02-Jul-21", "dd-MMM-yy", "2021-07-02 00:00:00.0000000"},
		{"friday, 2 july 2021", "dddd, d MMMM yyyy", "2021-07-02 00:00:00.0000000"},
		{"2021-07-02T15:03:08.12Z", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK", "2021-07-02 15:03:08.1200000"},
		{"2021-07-02T15:03:08.+02:00", "yyyy-MM-ddTHH:mm:ss.FFFK", "2021-07-02 13:03:08.0000000"},
		{"2021-07-02T15:03", "yyyy-MM-ddTHH:mmK", "2021-07-02 15:03:00.0000000"},
		{"2021-07-02 15 +2", "yyyy-MM-dd HH z", "2021-07-02 13:00:00.0000000"},
		{"12 a 2021 A.D.", "h t yyyy gg", "2021-01-01 00:00:00.0000000"},
		{"  2021-07-02  ", "yyyy-MM-dd", "2021-07-02 00:00:00.0000000"},
		{"20210702", "yyyyMM", ""},
		{"2021-7-2", "yyyy-MM-dd", ""},
		{"2021-07-32", "yyyy-MM-dd", ""},
		{"13:00 PM 2021", "h:mm tt yyyy", ""},
		{"Monday 2021-07-02", "dddd yyyy-MM-dd", ""},
		{"2021-07-02+15", "yyyy-MM-ddzz", ""},
		{"2021-07-02*", "yyyy-MM-ddz", ""},
		{"2021-07-02+2:x", "yyyy-MM-ddzzz", ""},
		{"21", "ffffffff", ""},
		{"21", "'yy", ""},
		{"21", "q", ""},
	} {
		text := `FormatDateTime("` + tt[0] + `", , "` + tt[1] + `", "yyyy-MM-dd HH:mm:ss.fffffff")`
		if tt[2] == "" {
			if got := result(text, world(nil)); !strings.Contains(got, "is no date in the format") {
				t.Errorf("%s: %s", text, got)
			}
			continue
		}
		want[text] = fmt.Sprintf("%q", tt[2])
	}
	want[`FormatDateTime(" 2021", "None", "yyyy", "yyyy")`] = `error: column 1: FormatDateTime: source: " 2021" is no date in the format "yyyy": character 1 does not fit`
	want[`FormatDateTime("2021", "AllowWhiteSpaces, AssumeUniversal", "yyyy", "yyyyK")`] = `"2021Z"`
	want[`FormatDateTime("2021", [none], "yyyy", "q")`] = `error: column 1: FormatDateTime: outputFormat: there is no standard format "q": write a custom one, such as yyyy-MM-dd`
	want[`FormatDateTime("2021", , "yyyy", [none])`] = `error: column 1: FormatDateTime: outputFormat: the format is empty: write one, such as yyyy-MM-dd`
	hold(t, world(nil), want)
}

// TestIntervals counts and adds them at their borders.
func TestIntervals(t *testing.T) {
	hold(t, world(nil), map[string]string{
		`DateDiff("yyyy", "2020-12-31", "2021-01-01")`: "1", `DateDiff("q", "2021-03-31", "2021-04-01")`: "1", `DateDiff("m", "2021-01-31", "2021-02-01")`: "1",
		`DateDiff("ww", "2021-07-03", "2021-07-04")`: "1", `DateDiff("ww", "2021-07-04", "2021-07-10")`: "0", `DateDiff("w", "2021-07-03", "2021-07-09")`: "0", `DateDiff("w", "2021-07-03", "2021-07-10")`: "1",
		`DateDiff("d", "2021-07-02T12:00", "2021-07-03T11:59")`: "0", `DateDiff("y", "2021-07-03T12:00", "2021-07-02T12:00")`: "-1", `DateDiff("D", "2021-07-02", "2021-07-03")`: "1",
		`DateAdd("m", 1, "2021-01-31")`: `"2/28/2021 12:00:00 AM"`, `DateAdd("m", -13, "2021-03-31")`: `"2/29/2020 12:00:00 AM"`, `DateAdd("yyyy", 1, "2020-02-29")`: `"2/28/2021 12:00:00 AM"`,
		`DateAdd("q", 1, "2021-11-30")`: `"2/28/2022 12:00:00 AM"`, `DateAdd("w", 1, "2021-07-02")`: `"7/3/2021 12:00:00 AM"`, `DateAdd("y", -1, "2021-01-01")`: `"12/31/2020 12:00:00 AM"`,
		`DateAdd("yyyy", 8000, "2021-01-01")`:          "error: column 1: DateAdd: the date is not between the years 1 and 9999",
		`DateAdd("yyyy", -9000, "2021-01-01")`:         "error: column 1: DateAdd: the date is not between the years 1 and 9999",
		`DateAdd("d", 4000000, "2021-01-01")`:          "error: column 1: DateAdd: the date is not between the years 1 and 9999",
		`DateAdd("ww", 9223372036854775807, Now())`:    "error: column 1: DateAdd: value: 9223372036854775807 is too large",
		`DateAdd("ww", 399999999999, Now())`:           "error: column 1: DateAdd: value: 399999999999 is too large",
		`DateAdd([none], 1, Now())`:                    "error: column 1: DateAdd: interval: there is no null: write one of yyyy, q, m, y, d, w, ww, h, n, s",
		`DateDiff([none], Now(), Now())`:               "error: column 1: DateDiff: interval: there is no null: write one of yyyy, q, m, y, d, w, ww, h, n, s",
		`NumFromDate("1600-12-31")`:                    `error: column 1: NumFromDate: value: "1600-12-31" is before 1601, where Active Directory's dates begin`,
		`DateFromNum(-1)`:                              "error: column 1: DateFromNum: value: -1 is no date: Active Directory counts from 1601",
		`NumFromDate(DateFromNum(129699324000000001))`: "129699324000000001",
		`DateFromNum(NumFromDate("9999-12-31"))`:       `"12/31/9999 12:00:00 AM"`,
		`DateFromNum("&H0")`:                           `"1/1/1601 12:00:00 AM"`,
	})
}

// TestLetters: upper and lower case, marks and words of odd scripts.
func TestLetters(t *testing.T) {
	hold(t, world(nil), map[string]string{
		`ToUpper("ıſß")`: `"ıſß"`, `ToLower("İI", "az-Latn-AZ")`: `"iı"`, `ToUpper("iı", "tr")`: `"İI"`, `ToUpper("é", "fr-FR")`: `"É"`, `ToLower("X", "de-")`: `error: column 1: ToLower: culture: "de-" is no name of one: write one such as en-US`,
		`PCase("2nd FLOOR o'neil")`: `"2Nd Floor O'neil"`, `PCase("2nd FLOOR", " ")`: `"2nd Floor"`, `PCase("a_b-c.d/e+f$g h2i")`: `"A_B-C.D/E+F$G H2i"`, `PCase("ǆ")`: `"ǅ"`, `PCase("AB CD", "")`: `"Ab cd"`, `PCase("")`: `""`,
		`PCase("a,b;c", ",.;:-_ 0123456789/")`: `"A,B;C"`,
		`NormalizeDiacritics("ḗḕē̂ǣǭȱœ")`:      `"eeeaeoooe"`, `NormalizeDiacritics("Ångström Łódź")`: `"Angstrom Lodz"`, `NormalizeDiacritics("Ñandú")`: `"Nandu"`, `NormalizeDiacritics("が Й")`: `"が Й"`, `NormalizeDiacritics("ế")`: `"e"`, `NormalizeDiacritics("plain")`: `"plain"`,
		`Word("a b", 1, "")`: `"a b"`, `Word("", 1, " ")`: `""`, `Word(" a b ", 2, " ")`: `"b"`, `Word("a🙂b", 2, "🙂")`: `"b"`, `Word("x", -1, " ")`: `""`,
		"Trim(\"\u00a0\u2003a\u00a0\")": `"a"`,
		`StripSpaces("a b")`:            `"ab"`,
	})
}
