package exchange

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Waits is the reason of a problem: groups with mail wait, because the forest lacks something.
const Waits = "no-exchange"

// A Lack is something that a forest misses of what groups with mail need.
type Lack struct {
	What string // one of the words below
	Text string // what is missing, and the remedy
}

// What can be missing.
const (
	LackSchema        = "schema"
	LackOrganization  = "organization"
	LackServer        = "server"
	LackDomain        = "domain"
	LackMailRecipient = "mailRecipient"
	LackAttributes    = "attributes"
	LackRelease       = "release"
)

// Lacks lists all that is missing, the first to be put right first. A forest without
// Exchange misses its schema and organization, and nothing else is said of it.
func (s Site) Lacks() []Lack { return s.lacks(Attributes()) }

// lacks is the same where these attributes are written.
func (s Site) lacks(attributes []string) (all []Lack) {
	missing := slices.DeleteFunc(slices.Clone(attributes), func(name string) bool { return slices.Contains(s.Attributes, name) })
	for _, l := range []struct {
		missing bool
		Lack
	}{
		{s.Schema == 0, Lack{LackSchema, "the schema is not extended for Exchange: run Exchange's Setup.exe /PrepareSchema"}},
		{s.Organization == "", Lack{LackOrganization, "there is no Exchange organization: run Exchange's Setup.exe /PrepareAD"}},
		{!s.None() && len(s.Servers) == 0, Lack{LackServer, "there is no Exchange server: install one, or keep the object of the last one where it was only shut down"}},
		{!s.None() && len(s.Systems) == 0, Lack{LackDomain, "the domain was never prepared for Exchange: run Exchange's Setup.exe /PrepareDomain in it"}},
		{len(s.Systems) > 1, Lack{LackDomain, fmt.Sprintf("the domain has %d containers of Exchange's system objects, and Exchange uses one: find out which (%s), and delete the others",
			len(s.Systems), strings.Join(s.Systems, "; "))}},
		{!s.None() && !s.MailRecipient, Lack{LackMailRecipient, "groups cannot have mail: the class group lacks the auxiliary class mailRecipient: run Exchange's Setup.exe /PrepareSchema again"}},
		{!s.None() && len(missing) > 0, Lack{LackAttributes, fmt.Sprintf("groups here cannot have %s, and they are not written: bring Exchange's schema up to date (Setup.exe /PrepareSchema)", strings.Join(missing, ", "))}},
		{s.Organization != "" && s.old(), Lack{LackRelease, s.Release() + " is older than what Microsoft names for groups of the cloud (2013 CU11, 2016 CU1): update it"}},
	} {
		if l.missing {
			all = append(all, l.Lack)
		}
	}
	return all
}

// The numbers are those of Microsoft's pages on preparing Active Directory: of the
// organization since 2013 CU10, which the schema does not tell from CU7 to CU23; of 2016's
// first schema.
const (
	forest2013CU10 = 16130
	schema2016     = 15317
)

func (s Site) old() bool { return s.Forest < forest2013CU10 || s.Schema == schema2016 }

// Release is the release of Exchange, in words.
func (s Site) Release() string {
	return cmp.Or(Band(s.Schema, s.Forest, s.Servers), "no Exchange")
}

// String is what there is, in a line for people.
func (s Site) String() string {
	var words []string
	switch {
	case s.None() && s.Unread == "":
		return "none in this forest: groups without mail need none"
	case s.None():
	case s.Organization == "":
		words = append(words, fmt.Sprintf("the schema of %s (%d), and no organization", s.Release(), s.Schema))
	default:
		words = append(words, fmt.Sprintf("%s (schema %d, organization %d, %s)", s.Release(), s.Schema, s.Forest, s.prepared()), s.server(),
			fmt.Sprintf("address lists: %d", len(s.Lists)), fmt.Sprintf("accepted domains: %d", len(s.Accepted)))
	}
	if s.Unread != "" {
		words = append(words, "what there is now could not be read: "+s.Unread)
	}
	return strings.Join(words, ", ")
}

func (s Site) prepared() string {
	if len(s.Systems) == 0 {
		return "domain not prepared"
	}
	return fmt.Sprintf("domain %d", s.Domain)
}

func (s Site) server() string {
	if len(s.Servers) == 0 {
		return "no server"
	}
	return "newest server " + s.newest().String()
}

// A serverVersion is a server's: 15.2.2562.17 is the first Subscription Edition.
type serverVersion struct{ major, minor, build, revision int }

func (v serverVersion) String() string {
	if v == (serverVersion{}) {
		return "of an unknown version"
	}
	return fmt.Sprintf("%d.%d.%d.%d", v.major, v.minor, v.build, v.revision)
}

func (v serverVersion) compare(o serverVersion) int {
	return cmp.Or(cmp.Compare(v.major, o.major), cmp.Compare(v.minor, o.minor), cmp.Compare(v.build, o.build), cmp.Compare(v.revision, o.revision))
}

var serial = regexp.MustCompile(`^Version (\d{1,3})\.(\d{1,3}) \(Build (\d{1,9})\.(\d{1,9})\b`)

// parseVersion reads a server's serialNumber, whose build is 30,000 more than the one that
// people write; zero if it is none.
func parseVersion(text string) (v serverVersion) {
	const raised = 30_000
	m := serial.FindStringSubmatch(text)
	if m == nil {
		return serverVersion{}
	}
	for i, into := range []*int{&v.major, &v.minor, &v.build, &v.revision} {
		*into, _ = strconv.Atoi(m[i+1]) // nine digits at most
	}
	if v.build >= raised {
		v.build -= raised
	}
	return v
}

func (s Site) newest() (v serverVersion) {
	for _, text := range s.Servers {
		if other := parseVersion(text); other.compare(v) > 0 {
			v = other
		}
	}
	return v
}
