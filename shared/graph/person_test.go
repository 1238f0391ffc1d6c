package graph

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/directory"
)

// TestPersonsToken: what a person's token opens stands in another claim than an app's, and what
// it lacks has to be granted in another way.
func TestPersonsToken(t *testing.T) {
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".x"
	}
	users, err := lookup(directory.UserFeed)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		claims, grant string
		roles         []string
	}{
		{`{"scp":"openid GroupMember.Read.All"}`, "grant it as a delegated permission, with admin consent", []string{"GroupMember.Read.All", "openid"}},
		{`{"roles":["GroupMember.Read.All","Device.Read.All"]}`, "grant it as an application permission, with admin consent", []string{"Device.Read.All", "GroupMember.Read.All"}},
	} {
		of := readClaims(token(x.claims))
		if !slices.Equal(of.Roles, x.roles) {
			t.Errorf("%s opens %q", x.claims, of.Roles)
		}
		if err := forbidden(&refusal{status: http.StatusForbidden}, users, of); !strings.Contains(err.Error(), "lacks User.Read.All") || !strings.Contains(err.Error(), x.grant) {
			t.Errorf("%s: %v", x.claims, err)
		}
	}
}
