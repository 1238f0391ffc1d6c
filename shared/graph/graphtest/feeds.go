package graphtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
)

// round is a delta that takes more than one page, as it was when it was asked
// for, so that a page can be read again.
type round struct {
	pages [][]item
	upto  uint64
}

// keptRounds is how many rounds the server remembers. Who comes back to an older one has
// to begin again, as with the real service after a week.
const keptRounds = 64

// link is what a $deltatoken or $skiptoken says. It is opaque to clients.
type link struct {
	Server string // that made it
	Number uint64 // of all that it made
	Age    int
	Feed   directory.Feed
	At     time.Time
	Select []string       `json:",omitempty"`
	IDs    []directory.ID `json:",omitempty"` // of $filter
	Since  uint64         // of a $deltatoken
	Round  int            `json:",omitempty"` // of a $skiptoken
	Page   int            `json:",omitempty"`
}

// linkLife is how long the service knows a link of a directory object's feed.
const linkLife = 7 * 24 * time.Hour

// ExpireLinks makes all links that were handed out so far unknown.
func (s *Server) ExpireLinks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age++
}

// RefuseLinks makes the service refuse, for ever, each link of a feed that was handed
// out so far, a nextLink as well as a deltaLink. A new enumeration works, and so do
// the links of that one. People have seen 400 Directory_ExpiredPageToken, 400
// Request_BadRequest and 404 UnknownError.
func (s *Server) RefuseLinks(f directory.Feed, status int, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil {
		s.lost = map[directory.Feed]lostLinks{}
	}
	s.lost[f] = lostLinks{upto: s.sealed, refusal: refusal{status, code, "The specified page token value has expired."}}
}

// lostLinks are the links of a feed up to one, which are refused.
type lostLinks struct {
	upto    uint64
	refusal refusal
}

// refusal is an OData error as an answer.
type refusal struct {
	status        int
	code, message string
}

func (s *Server) serveDelta(w http.ResponseWriter, r *http.Request, f directory.Feed) {
	s.serve(w, r, f, paged(s.page))
}

// An answerer makes the body of an answer, for a feed and the roles of the token.
type answerer func(*http.Request, directory.Feed, []string) (body, *refusal)

type body interface{ encode() []byte }

func paged(page func(*http.Request, directory.Feed, []string) (wirePage, *refusal)) answerer {
	return func(r *http.Request, f directory.Feed, roles []string) (body, *refusal) { return page(r, f, roles) }
}

// serve answers a request with what answer makes, if the token opens the feed.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, f directory.Feed, answer answerer) {
	if s.throttle(w) {
		return
	}
	roles, e := s.authorize(r, permissions(f))
	if e != nil {
		refuse(w, e.status, e.code, e.message)
		return
	}
	b, e := answer(r, f, roles)
	if e != nil {
		if e.status == http.StatusGone {
			w.Header().Set("Location", s.url+r.URL.Path+"?$deltatoken=")
		}
		refuse(w, e.status, e.code, e.message)
		return
	}
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;charset=utf-8")
	_, _ = w.Write(b.encode())
}

// page answers a request of either of its three kinds: the first of an enumeration,
// one for what changed since, one for the next page.
func (s *Server) page(r *http.Request, f directory.Feed, roles []string) (wirePage, *refusal) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return wirePage{}, badRequest("The query string is malformed.")
	}
	for name := range q {
		if !slices.Contains([]string{"$select", "$filter", "$deltatoken", "$skiptoken"}, name) {
			return wirePage{}, badRequest("The query parameter '" + name + "' is not supported here.")
		}
	}
	skip, token := q.Get("$skiptoken"), q.Get("$deltatoken")
	if (skip != "" || token != "" && token != "latest") && len(q) > 1 {
		return wirePage{}, badRequest("A link already says what is selected.")
	}
	ids, e := filter(q.Get("$filter"))
	if e != nil {
		return wirePage{}, e
	}
	hidden := slices.Contains(roles, "Member.Read.Hidden")
	names := strings.FieldsFunc(q.Get("$select"), func(r rune) bool { return r == ',' })
	if slices.Contains(names, betaProperty) && !strings.HasPrefix(r.URL.Path, "/beta/") {
		return wirePage{}, badRequest("Could not find a property named '" + betaProperty + "' on type 'microsoft.graph.group'.")
	}
	switch {
	case skip != "":
		l, e := s.open(skip, f)
		if e != nil {
			return wirePage{}, e
		}
		return s.nextPage(l)
	case token == "latest":
		_, now := s.shown(f).delta(query{feed: f, since: math.MaxUint64})
		return s.wirePage(nil, link{Feed: f, Select: names, IDs: ids, Since: now}, true), nil
	case token != "":
		l, e := s.open(token, f)
		if e != nil {
			return wirePage{}, e
		}
		minimal := slices.Contains(r.Header.Values("Prefer"), "return=minimal")
		since := l.Since - min(l.Since, uint64(s.options.Replay))
		return s.firstPage(query{feed: f, names: l.Select, ids: l.IDs, since: max(since, 1), minimal: minimal, hidden: hidden, bare: s.options.BareRestore}), nil
	}
	return s.firstPage(query{feed: f, names: names, ids: ids, deleted: s.options.ListDeleted, hidden: hidden}), nil
}

// maxFilter is how many objects a $filter may name.
const maxFilter = 50

var filterTerm = regexp.MustCompile(`^id eq '([^']*)'$`)

// filter reads "id eq '…' or id eq '…'", the one filter that these feeds know.
func filter(text string) (ids []directory.ID, e *refusal) {
	if text == "" {
		return nil, nil
	}
	for _, term := range strings.Split(text, " or ") {
		m := filterTerm.FindStringSubmatch(term)
		if m == nil {
			return nil, badRequest("Only a filter by id is supported.")
		}
		id, err := directory.ParseID(m[1])
		if err != nil {
			return nil, badRequest("Invalid object identifier '" + m[1] + "'.")
		}
		ids = append(ids, id)
	}
	if len(ids) > maxFilter {
		return nil, badRequest("Too many objects are specified in the filter clause.")
	}
	return ids, nil
}

func badRequest(message string) *refusal {
	return &refusal{http.StatusBadRequest, "BadRequest", message}
}

func (s *Server) firstPage(q query) wirePage {
	items, upto := s.shown(q.feed).delta(q)
	items = s.lieTo(q).tell(items)
	l := layout{
		pageSize: s.options.PageSize, memberSlice: s.options.MemberSlice, repeat: s.options.Repeat,
		emptyPages: s.options.EmptyPages, shuffle: s.options.Shuffle,
		rand: rand.New(rand.NewPCG(s.options.Seed, q.since<<32^upto)),
	}
	pages := l.pages(items)
	if len(pages) == 1 {
		return s.wirePage(pages[0], link{Feed: q.feed, Select: q.names, IDs: q.ids, Since: upto}, true)
	}
	id := s.keep(&round{pages, upto})
	return s.wirePage(pages[0], link{Feed: q.feed, Select: q.names, IDs: q.ids, Round: id, Page: 1}, false)
}

// keep remembers a round and returns its number.
func (s *Server) keep(r *round) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	s.rounds[s.opened] = r
	delete(s.rounds, s.opened-keptRounds)
	return s.opened
}

func (s *Server) nextPage(l link) (wirePage, *refusal) {
	s.mu.Lock()
	round := s.rounds[l.Round]
	s.mu.Unlock()
	if round == nil {
		return wirePage{}, s.resync()
	}
	page, last := round.pages[l.Page], l.Page == len(round.pages)-1
	if last {
		return s.wirePage(page, link{Feed: l.Feed, Select: l.Select, IDs: l.IDs, Since: round.upto}, true), nil
	}
	l.Page++
	return s.wirePage(page, l, false), nil
}

// wirePage writes a page that ends in a link: a deltaLink if it is the last.
func (s *Server) wirePage(items []item, l link, last bool) wirePage {
	p := s.wireItems(l.Feed, items)
	path := feedPath(l.Feed)
	if slices.Contains(l.Select, betaProperty) {
		path = beta(path)
	}
	to := s.url + path + "?"
	if last {
		p.Delta = to + "$deltatoken=" + s.seal(l)
	} else {
		p.Next = to + "$skiptoken=" + s.seal(l)
	}
	return p
}

func (s *Server) wireItems(f directory.Feed, items []item) wirePage {
	p := wirePage{Context: fmt.Sprintf("%s/v1.0/$metadata#%s", s.url, f), Value: make([]map[string]any, len(items))}
	for i, it := range items {
		p.Value[i] = wire(it)
	}
	return p
}

func (s *Server) seal(l link) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed++
	l.Server, l.Number, l.Age, l.At = s.id, s.sealed, s.age, s.options.Now()
	b, _ := json.Marshal(l) // strings and numbers: nothing that cannot be written
	return base64.RawURLEncoding.EncodeToString(b)
}

func (s *Server) open(token string, f directory.Feed) (link, *refusal) {
	var l link
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(b, &l) != nil || l.Feed != f {
		return l, badRequest("Badly formed token.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.Server != s.id || l.Age != s.age || s.options.Now().Sub(l.At) > linkLife {
		return l, s.resync()
	}
	if lost := s.lost[f]; l.Number <= lost.upto {
		return l, &lost.refusal
	}
	return l, nil
}

func (s *Server) resync() *refusal {
	return &refusal{s.options.Expired, "SyncStateNotFound",
		"The sync state generation is not found. The delta token is expired and data must be synchronized again."}
}

// permissions that open a feed, each of them. The list is this server's own, for what a
// client thinks of it is what tests are to find out.
func permissions(f directory.Feed) []string {
	switch f {
	case directory.GroupFeed:
		return []string{"GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	case directory.UserFeed:
		return []string{"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	case directory.ContactFeed:
		return []string{"OrgContact.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	}
	return []string{"Device.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"}
}

// refuse writes an OData error. Source: https://learn.microsoft.com/graph/errors.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("request-id", ID(code+message).String())
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"code": code, "message": message, "innerError": map[string]string{"request-id": ID(code + message).String()},
	}})
}
