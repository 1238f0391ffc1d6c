package expr_test

import (
	"errors"
	"strings"
	"testing"

	"groupwriteback/shared/expr"
)

// TestLimits: what is within them works, what is beyond is an error that says so.
func TestLimits(t *testing.T) {
	long := strings.Repeat("x", expr.MaxValue)
	in := world(map[string]expr.Value{
		"long":   expr.Text(long),
		"longer": expr.Text(long + "x"),
		"lines":  expr.Text(strings.Repeat("\n", expr.MaxValue)),
		"many":   expr.Texts(strings.Split(strings.Repeat("x,", 50_000), ",")...),
		"short":  expr.Text(strings.Repeat("a", 40) + "!"),
	})
	deep := func(n int) string { return strings.Repeat("Not(", n) + "True" + strings.Repeat(")", n) }
	fill := func(n int) string { return `Append("", "` + strings.Repeat("ü", n-14) + `")` }
	nested := func(n int, before, inner, after string) string {
		return strings.Repeat(before, n) + inner + strings.Repeat(after, n)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"10,000 characters", `Left(` + fill(expr.MaxText-9) + `,1)`, `"ü"`},
		{"one more", fill(expr.MaxText + 1), "error: column 1: the expression has 10001 characters: at most 10000 are allowed"},
		{"500 deep", deep(expr.MaxDepth - 1), "False"},
		{"deeper", deep(expr.MaxDepth), "error: column 2001: the expression is nested more than 500 deep: split it up"},
		{"parentheses", strings.Repeat("(", 9000), "error: column 501: the expression is nested more than 500 deep: split it up"},
		{"brackets", strings.Repeat("[", 9000), "error: column 1: the attribute that begins here does not end: close it by ]"},
		{"comparisons", nested(2000, "(1=", "1", ")"), "error: column 1499: the expression is nested more than 500 deep: split it up"},
		{"1 MiB", `Left(Trim([long]), 3)`, `"xxx"`},
		{"a longer attribute", `Trim([longer])`, "error: column 6: [longer]: the value has more than 1048576 bytes: shorten it by Left"},
		{"a longer result", `Append([long], "x")`, "error: column 1: Append: the value has more than 1048576 bytes: shorten it by Left"},
		{"by &", `[long] & "x"`, "error: column 8: &: the value has more than 1048576 bytes: shorten it by Left"},
		{"by Join", `Join("", [long], "x")`, "error: column 1: Join: the value would have more than 1048576 bytes: join fewer"},
		{"by hexadecimal digits", `ConvertToUTF8Hex([long])`, "error: column 1: ConvertToUTF8Hex: the value has more than 1048576 bytes: shorten it by Left"},
		{"by growth", nested(30, `Replace(`, `"x"`, `, "x", , , "xxxxxxxxxx", , )`), "error: column 185: Replace: the value would have more than 1048576 bytes: shorten it by Left"},
		{"by a template", nested(30, `Replace(`, `"x"`, `, "y", , , , , "yyyyyyyyyy")`), "error: column 185: Replace: the value would have more than 1048576 bytes: shorten it by Left"},
		{"by a substitution", nested(9, `Replace(`, `"xxxxxxxxxx"`, `, , ".", , "$_$_", , )`), "error: column 49: Replace: the value would have more than 1048576 bytes: shorten it by Left"},
		{"by context", `Replace(Left([long], 9000), , ".", , "$'", , )`, "error: column 1: Replace: the value would have more than 1048576 bytes: shorten it by Left"},
		{"too many values", `Count(Split([lines], "` + "\n" + `"))`, "error: column 7: Split: there would be more than 100000 values: shorten the text by Left"},
		{"many values", `Count([many])`, "50001"},
		{"each of many", `Append([many], Left([long], 999))`, "error: column 1: Append: the values have more than 1048576 bytes together: select fewer"},
		{"many by many", `Word([many], 1, [long])`, "error: column 1: Word: the evaluation handles more than 16 MiB: shorten the expression or the values"},
		{"work", `Count([long]` + strings.Repeat(`) & Count([long]`, 70) + `)`, "error: column 247: [long]: the evaluation handles more than 16 MiB: shorten the expression or the values"},
		{"keys by values", `Switch([many], "d"` + strings.Repeat(`, "k", "v"`, 900) + `)`, "error: column 1: Switch: the evaluation handles more than 16 MiB: shorten the expression or the values"},
		{"matches", `Replace([long], , ".", , "y", , )`, "error: column 1: Replace: the pattern matches more than 10000 times: match longer pieces, as in [a-z]+"},
		{"one long match", `Left(Replace([long], , "x+", , "y", , ), 9)`, `"y"`},
		{"an evil pattern", `Replace([short], , "^(a+)+$", , "y", , )`, "error: column 1: Replace: finding a match takes more than 1s: avoid repetitions within repetitions, as in (a+)+"},
		{"an evil pattern for a group", `Replace("", , "^(?<n>a+)+$", "n", , [short], )`, "error: column 1: Replace: finding a match takes more than 1s: avoid repetitions within repetitions, as in (a+)+"},
		{"a deep pattern", `Replace([long], , "(?:(x)|y)*z", , "y", , )`, "error: column 1: Replace: the pattern tries too much at once: avoid repetitions within repetitions, as in (a+)+"},
		{"a pattern from an attribute", `Replace("a", , [long], , "y", , )`, "error: column 1: Replace: the evaluation handles more than 16 MiB: shorten the expression or the values"},
		{"a format from an attribute", `FormatDateTime("2020", , "yyyy", [long])`, "error: column 1: FormatDateTime: outputFormat: the format has more than 1000 bytes: shorten it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := result(tt.text, in); got != tt.want {
				t.Errorf("%.100s\n gives %.300s\nwanted %s", tt.text, got, tt.want)
			}
		})
	}
}

// TestStop: who evaluates may end it, between functions and between matches.
func TestStop(t *testing.T) {
	for _, text := range []string{`Trim("a")`, `Replace([a], , "b", , "c", , )`, `Append(Replace([a], , "b", , "c", , ), "")`} {
		asked := 0
		in := world(map[string]expr.Value{"a": expr.Text("abbb")})
		in.Stop = func() bool { asked++; return asked > 2 }
		_, err := parse(t, text).Eval(in)
		if stopped := errors.Is(err, expr.ErrStopped); stopped != (asked > 2) || text != `Trim("a")` && !stopped {
			t.Errorf("%s: asked %d times: %v", text, asked, err)
		}
	}
}

// TestEveryFunctionTakesAnything: null, texts, several values, numbers, booleans and
// none at all are a value or an error, never a panic; and a value again is one.
func TestEveryFunctionTakesAnything(t *testing.T) {
	odd := []string{`Null`, `""`, `"a,b"`, `[many]`, `-1`, `9223372036854775807`, `True`, `[secret]`, `"\\"`, `"("`, `"2020-01-01"`, `IgnoreFlowIfNullOrEmpty("")`, ``}
	in := world(map[string]expr.Value{"many": expr.Texts("a", "", "2020-01-01"), "secret": expr.Text("\x00\U0010FFFF")})
	values := 0
	for _, f := range expr.Functions() {
		n := len(f.Params)
		for i := range len(odd) * len(odd) * 7 {
			args := make([]string, n)
			for j := range args {
				args[j] = odd[(i+i/len(odd)*(j+1)+j*j*5)%len(odd)]
			}
			text := f.Name + "(" + strings.Join(args, ", ") + ")"
			e, err := expr.Parse(text)
			if err != nil {
				continue
			}
			if v, err := e.Eval(in); err == nil {
				values++
				if n := len(v.Values()); (n == 0) != v.IsNull() || (n > 1) != (v.Kind() == expr.KindTexts) {
					t.Errorf("%s: %v has %d values", text, v, n)
				}
			}
		}
	}
	if values < 2000 {
		t.Errorf("only %d of these have a value", values)
	}
}
