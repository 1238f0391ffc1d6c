package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// nobody is who must not be asked.
type nobody struct{ t *testing.T }

func (n nobody) line(q string) (string, error)   { n.t.Errorf("asks %q", q); return "", errNobody }
func (n nobody) secret(q string) (string, error) { n.t.Errorf("asks %q", q); return "", errNobody }

// TestMistakes: all that is wrong is named at once, with what to do, before anybody is asked for anything.
func TestMistakes(t *testing.T) {
	const tenant = "6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55"
	for _, test := range []struct {
		args []string
		want []string
	}{
		{nil, []string{
			"--url is needed: a domain controller, such as ldaps://dc1.corp.example",
			"--user is needed: an account of the domain",
			"--tenant is needed: the tenant's id, a GUID, and not its domain"}},
		{[]string{"--tenant", "corp.example", "--ou", "x", "--output", "yaml", "--cloud", "mars", "--sign-in", "password", "--url", "ldaps://dc1", "--user", "me"}, []string{
			"--ou: rules line 3:5: ou: write the distinguished name of the container, for example OU=Cloud Groups,DC=corp,DC=example, or a mapping of expression and default",
			"--tenant is needed: the tenant's id, a GUID, and not its domain",
			"--output: use text or json",
			`--cloud: cloud "mars" is not known: use public, usgov, usgov-dod or china`,
			"--sign-in: use device-code, browser, azure-cli or environment"}},
		{[]string{"--tenant", tenant, "--url", "ldaps://dc1", "--user", "me"}, []string{
			"sign-in by device-code: name the application (client) id of an app registration that allows public client flows, a GUID"}},
		{[]string{"--tenant", tenant, "--url", "ldaps://dc1", "--user", "me", "--sign-in", "azure-cli", "--rules", "rules.yaml", "--ou", "OU=x"}, []string{
			"--ou is for where there is no rules file: write it into that, or leave out one of the two"}},
		{[]string{"--agent", "none.yaml"}, []string{"read the agent's file: open none.yaml: no such file or directory"}},
	} {
		o, flags := defaults(nil), pflag.NewFlagSet("pilot", pflag.ContinueOnError)
		o.ask = nobody{t}
		o.flags(flags)
		must(t, flags.Parse(test.args))
		if err := o.complete(); err == nil || err.Error() != strings.Join(test.want, "\n") {
			t.Errorf("%q:\n%v\nwant\n%s", test.args, err, strings.Join(test.want, "\n"))
		}
	}
}
