package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"groupwriteback/shared/expr"
)

// defaults are Cloud Sync's mappings of a group, and a container chosen among as many
// as 10,000 characters hold.
func defaults() map[string]string {
	var long strings.Builder
	for i := range 150 {
		fmt.Fprintf(&long, `, "Department %d", "OU=Department %d,OU=Groups,DC=contoso,DC=com"`, i, i)
	}
	return map[string]string{
		"cn":               `Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))`,
		"description":      `Left(Trim([description]),448)`,
		"adminDescription": `Append("Group_",[objectId])`,
		"ou":               `Switch(Left(Trim([displayName]), 2), "OU=Groups,DC=contoso,DC=com", "NA","OU=NorthAmerica,DC=contoso,DC=com", "EU","OU=Europe,DC=contoso,DC=com")`,
		"10,000":           `Switch([description], "OU=Groups,DC=contoso,DC=com"` + long.String() + `)`,
		"regex":            `Replace([displayName], , "[^a-zA-Z0-9]+", , "-", , )`,
	}
}

func BenchmarkParse(b *testing.B) {
	for name, text := range defaults() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := expr.Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEval(b *testing.B) {
	group := map[string]expr.Value{
		"displayName": expr.Text("EU Sales and Marketing"), "objectId": expr.Text("3a5c3221-c465-48c0-95b8-e9305786a271"), "description": expr.Text("All of Sales in Europe"),
	}
	in := expr.Input{Attribute: func(name string) expr.Value { return group[name] }}
	for name, text := range defaults() {
		e, err := expr.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Eval(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSlowest shows what a megabyte costs each function on one text: MaxWork
// bounds how often an expression can ask for that.
func BenchmarkSlowest(b *testing.B) {
	text := expr.Text(strings.Repeat("É (x) ", expr.MaxValue/7))
	in := expr.Input{Attribute: func(string) expr.Value { return text }}
	for _, f := range expr.Functions() {
		if len(f.Params) == 0 || !f.Params[0].Each {
			continue
		}
		call := f.Name + "([a]" + map[string]string{"Append": `, "x"`, "Left": ", 1000000", "Mid": ", 2, 1000000", "Word": `, 1000000, " "`, "DNComponent": ", 1", "Replace": `, "É", , , "E"`, "FormatDateTime": `, , "yyyy", "yyyy"`}[f.Name] + ")"
		e, err := expr.Parse(call)
		if err != nil {
			b.Fatal(call, err)
		}
		b.Run(f.Name, func(b *testing.B) {
			for b.Loop() {
				e.Eval(in) //nolint:errcheck // some are errors, at the same cost
			}
		})
	}
}
