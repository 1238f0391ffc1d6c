package expr_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"groupwriteback/shared/expr"
)

// TestDocumentation holds docs/expressions.md, from the heading Functions on, to
// the table and the examples; -update writes it anew.
func TestDocumentation(t *testing.T) {
	const file = "../../docs/expressions.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := strings.Cut(string(data), "\n## Functions\n")
	if !found {
		t.Fatalf("%s has no heading Functions", file)
	}
	want := head + "\n## Functions\n" + reference(t)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Errorf("%s is out of date: go test ./shared/expr -run TestDocumentation -update writes it anew", file)
	}
	for _, limit := range []string{"10,000", "500", "1 MiB", "100,000", "16 MiB", "1 s"} {
		if !strings.Contains(head, limit) {
			t.Errorf("%s does not name the limit %s", file, limit)
		}
	}
	if expr.MaxText != 10_000 || expr.MaxDepth != 500 || expr.MaxValue != 1<<20 || expr.MaxValues != 100_000 || expr.MaxWork != 16<<20 || expr.MaxMatches != 10_000 || expr.MatchTime.Seconds() != 1 {
		t.Errorf("a limit is another one now: %s has to say so", file)
	}
}

// reference is the second half of the page.
func reference(t *testing.T) string {
	var b strings.Builder
	b.WriteString("\nParameters in brackets may be omitted. Examples that are marked with • are Microsoft's own, or follow from the words of the page that they link to; the others are\nours. Attributes that an example does not name are null.\n")
	for _, f := range expr.Functions() {
		fmt.Fprintf(&b, "\n### %s\n\n`%s`\n\n%s\n", f.Name, f.Signature(), f.Doc)
		var each []string
		for _, p := range f.Params {
			if p.Each {
				each = append(each, "`"+p.Name+"`")
			}
		}
		if len(each) > 0 {
			fmt.Fprintf(&b, "*Each*: %s. ", strings.Join(each, " or "))
		}
		var pages []string
		for page := range strings.FieldsSeq(f.Pages) {
			url := expr.Pages()[page]
			if url == "" {
				t.Errorf("%s names the page %s, which is none", f.Name, page)
			}
			pages = append(pages, fmt.Sprintf("[%s](%s#%s)", page, url, strings.ToLower(f.Name)))
		}
		fmt.Fprintf(&b, "Microsoft: %s.\n", strings.Join(pages, ", "))
		b.WriteString(table(t, f.Name))
	}
	b.WriteString("\n## Mappings\n\nCloud Sync's default mappings, and those that keep container and name of a group that came from Active Directory.\n" + table(t, "Mappings"))
	b.WriteString("\n## The rest of the language\n" + table(t, "Language"))
	return b.String()
}

// table is a section's examples.
func table(t *testing.T, section string) string {
	var b strings.Builder
	b.WriteString("\n| Expression | Attributes | Gives |\n|---|---|---|\n")
	for _, e := range examples(t) {
		if e.section != section {
			continue
		}
		var with []string
		for _, w := range e.with {
			with = append(with, code("["+w[0]+"] = "+w[1]))
		}
		page, where, _ := strings.Cut(e.page, "#")
		mark := ""
		if e.shown {
			mark = " •"
		}
		gives := code(e.gives)
		if e.note != "" {
			gives += "<br>" + strings.ReplaceAll(e.note, "|", `\|`)
		}
		fmt.Fprintf(&b, "| %s [%s](%s#%s)%s | %s | %s |\n", code(strings.Join(strings.Fields(e.text), " ")), page, expr.Pages()[page], where, mark, strings.Join(with, "<br>"), gives)
	}
	return b.String()
}

// code is text as code in a table of Markdown.
func code(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }

// TestPageBlocks: the expression that the page of docs/expressions.md begins with is one, and the
// mistake that it shows is told so.
func TestPageBlocks(t *testing.T) {
	data, err := os.ReadFile("../../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```\n(.*?)\n```$").FindAllStringSubmatch(string(data), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks: hold the others too", len(blocks))
	}
	if _, err := expr.Parse(blocks[0][1]); err != nil {
		t.Error(err)
	}
	if _, err := expr.Parse("Append(LCase([a]), \"b\")"); err == nil || err.Error() != blocks[1][1] {
		t.Errorf("the mistake is told as\n%v\nand the page has\n%s", err, blocks[1][1])
	}
}
