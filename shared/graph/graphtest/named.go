package graphtest

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"groupwriteback/shared/directory"
)

var (
	nameFilter = regexp.MustCompile(`^(?:[A-Za-z]+ eq '(?:[^']|'')*'(?: or |$))+$`)
	nameTerm   = regexp.MustCompile(`([A-Za-z]+) eq '((?:[^']|'')*)'`)
)

// named answers a request for those of a feed who have a name, or an id of a few: up to
// $top of them, and the word that there are more. The real service orders them in no way that is
// promised.
// Source: https://learn.microsoft.com/graph/filter-query-parameter.
func (s *Server) named(r *http.Request, f directory.Feed, _ []string) (wirePage, *refusal) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return wirePage{}, badRequest("The query string is malformed.")
	}
	top, err := strconv.Atoi(q.Get("$top"))
	if err != nil || top < 1 || top > 999 {
		return wirePage{}, badRequest("Invalid page size specified.")
	}
	text := q.Get("$filter")
	var is func(*object, directory.ID) bool
	if ids, e := inFilter(text); e == nil {
		is = func(_ *object, id directory.ID) bool { return slices.Contains(ids, id) }
	} else if nameFilter.MatchString(text) {
		terms := nameTerm.FindAllStringSubmatch(text, -1)
		is = func(o *object, _ directory.ID) bool {
			return slices.ContainsFunc(terms, func(t []string) bool {
				v, has := o.props[t[1]]
				return has && strings.EqualFold(fmt.Sprint(v.value), strings.ReplaceAll(t[2], "''", "'"))
			})
		}
	} else {
		return wirePage{}, badRequest("Invalid filter clause.")
	}
	items := s.shown(f).having(f, strings.Split(q.Get("$select"), ","), is)
	p := s.wireItems(f, items[:min(len(items), top)])
	if len(items) > top {
		p.Next = s.url + listPath(f) + "?$skiptoken=more"
	}
	return p, nil
}

// having are the objects of a feed that are there and match.
func (t *Tenant) having(f directory.Feed, names []string, is func(*object, directory.ID) bool) (items []item) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range t.order {
		o := t.objects[id]
		if o.kind != kindOf(f) || o.removed != directory.NotRemoved || !is(o, id) {
			continue
		}
		it := item{id: id, props: map[string]any{}}
		for _, name := range names {
			if name != "id" {
				it.props[name] = o.props[name].value
			}
		}
		items = append(items, it)
	}
	return items
}
