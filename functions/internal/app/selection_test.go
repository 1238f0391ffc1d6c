package app

import (
	"strings"
	"testing"

	"groupwriteback/shared/rules"
	"groupwriteback/shared/signin"
)

// TestSelection: rules that look at something more have Graph asked for it, and all of what is
// known enumerated anew; rules that do not, do not.
func TestSelection(t *testing.T) {
	selected := func(more string) string {
		r, err := rules.Parse([]byte("ou: OU=x\nscope: all\n" + more))
		if err != nil {
			t.Fatal(err)
		}
		credential, err := signin.Credential(signin.SignIn{Method: signin.ClientSecret, Tenant: testTenant, Client: checkClient, Secret: "s", Authority: "https://login.test"})
		if err != nil {
			t.Fatal(err)
		}
		client, err := settings{rules: r, credential: credential}.graph(nil)
		if err != nil {
			t.Fatal(err)
		}
		return selection(client)
	}
	plain := selected("")
	for more, has := range map[string]string{
		"owners: co_managers\n":                 ",owners,",
		"members: {kinds: [users, contacts]}\n": " contacts:displayName,id,mail",
		"attributes: {info2: '[uniqueName]'}\n": ",uniqueName,",
	} {
		if got := selected(more); !strings.Contains(got, has) || strings.Contains(plain, has) || got == plain {
			t.Errorf("%q selects %s", more, got)
		}
	}
	for _, more := range []string{"owners: ignore\n", "members: {kinds: [users]}\n", "rename: true\n"} {
		if got := selected(more); got != plain {
			t.Errorf("%q selects %s, as if it asked for more than %s", more, got, plain)
		}
	}
}
