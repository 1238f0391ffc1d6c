package graph

import (
	"net/url"
	"testing"
)

// TestSameHost: the token goes to one scheme, one host and one port, and each of them
// counts by itself.
func TestSameHost(t *testing.T) {
	parse := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for link, same := range map[string]bool{
		"https://graph.microsoft.com/v1.0/groups":          true,
		"https://GRAPH.microsoft.com:443/v1.0":             true,
		"https://graph.microsoft.us/v1.0":                  false,
		"https://graph.microsoft.com.example/v1.0":         false,
		"https://graph.microsoft.com:8443/v1.0":            false,
		"http://graph.microsoft.com:443/v1.0":              false,
		"https://graph.microsoft.com@elsewhere.example/v1": false,
		"/v1.0/groups": false,
	} {
		if err := sameHost(parse("https://graph.microsoft.com"), parse(link)); (err == nil) != same {
			t.Errorf("%s: %v", link, err)
		}
	}
}
