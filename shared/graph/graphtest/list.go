package graphtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"groupwriteback/shared/directory"
)

// list answers a request for users, devices or contacts by id: those that are there, each with
// all that was selected, null where it was never set.
// Source: https://learn.microsoft.com/graph/api/user-list, .../device-list
// and .../orgcontact-list.
func (s *Server) list(r *http.Request, f directory.Feed, _ []string) (wirePage, *refusal) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return wirePage{}, badRequest("The query string is malformed.")
	}
	for name := range q {
		if !slices.Contains([]string{"$select", "$filter", "$skiptoken", "$top"}, name) {
			return wirePage{}, badRequest("The query parameter '" + name + "' is not supported here.")
		}
	}
	if q.Has("$top") {
		return s.named(r, f, nil)
	}
	names := strings.FieldsFunc(q.Get("$select"), func(r rune) bool { return r == ',' })
	if skip := q.Get("$skiptoken"); skip != "" {
		l, e := s.open(skip, f)
		if e != nil {
			return wirePage{}, e
		}
		return s.nextListed(l)
	}
	ids, e := inFilter(q.Get("$filter"))
	if e != nil {
		return wirePage{}, e
	}
	query := query{feed: f, names: names, ids: ids, list: true}
	items := s.lieTo(query).tell(s.shown(f).listed(query))
	l := layout{pageSize: s.options.PageSize, memberSlice: s.options.MemberSlice, emptyPages: s.options.EmptyPages, shuffle: s.options.Shuffle,
		rand: rand.New(rand.NewPCG(s.options.Seed, uint64(len(items))))}
	return s.nextListed(link{Feed: f, Select: names, IDs: ids, Round: s.keep(&round{pages: l.pages(items)})})
}

// nextListed is the page that l is about. A list ends without a link.
func (s *Server) nextListed(l link) (wirePage, *refusal) {
	s.mu.Lock()
	round := s.rounds[l.Round]
	s.mu.Unlock()
	if round == nil {
		return wirePage{}, &refusal{http.StatusBadRequest, "Directory_ExpiredPageToken", "The specified page token value has expired and can no longer be included in your request."}
	}
	p := s.wireItems(l.Feed, round.pages[l.Page])
	if l.Page++; l.Page < len(round.pages) {
		p.Next = s.url + listPath(l.Feed) + "?$skiptoken=" + s.seal(l)
	}
	return p, nil
}

// listed are the objects that q names and that are there.
func (t *Tenant) listed(q query) (items []item) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range t.order {
		o := t.objects[id]
		if o.kind != kindOf(q.feed) || o.removed != directory.NotRemoved || !slices.Contains(q.ids, id) {
			continue
		}
		it := item{id: id, props: map[string]any{}}
		for _, name := range q.names {
			if name != "id" {
				it.props[name] = o.props[name].value
			}
		}
		items = append(items, it)
	}
	return items
}

// maxIn is how many values "in" takes. The source has the message of the real one:
// https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/1238.
const maxIn = 15

var (
	inTerms = regexp.MustCompile(`^id in \(('[^']*'(?:,'[^']*')*)\)$`)
	quoted  = regexp.MustCompile(`'([^']*)'`)
)

// inFilter reads "id in ('…','…')", the one filter that these lists know.
func inFilter(text string) (ids []directory.ID, e *refusal) {
	m := inTerms.FindStringSubmatch(text)
	if m == nil {
		return nil, badRequest("Only a filter by id is supported.")
	}
	for _, v := range quoted.FindAllStringSubmatch(m[1], -1) {
		id, err := directory.ParseID(v[1])
		if err != nil {
			return nil, badRequest("Invalid object identifier '" + v[1] + "'.")
		}
		ids = append(ids, id)
	}
	if len(ids) > maxIn {
		return nil, &refusal{http.StatusBadRequest, "Request_UnsupportedQuery",
			fmt.Sprintf("Too many child clauses specified in search filter expression containing 'OR' operators: %d. Max allowed: %d.", len(ids), maxIn)}
	}
	return ids, nil
}
