package graphtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"groupwriteback/shared/directory"
)

// isFlag says whether a property of groups is told by GET of the one group alone. The list
// is this server's own.
// Source: https://learn.microsoft.com/graph/api/resources/group.
func isFlag(name string) bool {
	return slices.Contains([]string{"allowExternalSenders", "autoSubscribeNewMembers", "hideFromAddressLists", "hideFromOutlookClients"}, name)
}

// flagReaders are the permissions that open flags: with lesser ones people were refused.
func flagReaders() []string { return []string{"Group.Read.All", "Group.ReadWrite.All"} }

// serveGroup answers GET /groups/{id}: all that is selected, null where it was never set.
// Flags lie in Exchange Online: a Microsoft 365 group has all of them, false unless they are
// set, null if they were cleared; of any other group nobody gets them.
// Source: https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/3232.
func (s *Server) serveGroup(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, directory.GroupFeed, s.group)
}

func (s *Server) group(r *http.Request, _ directory.Feed, roles []string) (body, *refusal) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || q.Get("$select") == "" || len(q) > 1 {
		return nil, badRequest("A $select is all that is supported here.")
	}
	id, err := directory.ParseID(r.PathValue("id"))
	if err != nil {
		return nil, badRequest("Invalid object identifier '" + r.PathValue("id") + "'.")
	}
	names := strings.Split(q.Get("$select"), ",")
	o := s.shown(directory.GroupFeed).group(id)
	switch flags := slices.ContainsFunc(names, isFlag); {
	case o == nil:
		return nil, &refusal{http.StatusNotFound, "Request_ResourceNotFound", fmt.Sprintf("Resource '%s' does not exist or one of its queried reference-property objects are not present.", id)}
	case flags && !slices.ContainsFunc(flagReaders(), func(p string) bool { return slices.Contains(roles, p) }):
		return nil, &refusal{http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again."}
	case flags && !unified(o):
		return nil, &refusal{http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise."}
	}
	out := wireObject{"@odata.context": s.url + "/v1.0/$metadata#groups/$entity", "id": id}
	for _, name := range names {
		v, set := o[name]
		if isFlag(name) && !set {
			v = false
		}
		if name != "id" {
			out[name] = v
		}
	}
	return out, nil
}

// group is what is there of a group; nil if it is not.
func (t *Tenant) group(id directory.ID) map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, err := t.live(id, directory.GroupKind)
	if err != nil {
		return nil
	}
	out := map[string]any{}
	for name, p := range o.props {
		out[name] = p.value
	}
	return out
}

func unified(group map[string]any) bool {
	types, _ := group["groupTypes"].([]string)
	return slices.Contains(types, "Unified")
}
