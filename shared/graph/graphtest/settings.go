package graphtest

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// SyncJob is a synchronization job of a service principal.
type SyncJob struct {
	Principal string // the service principal's displayName; the same has one
	Template  string // its applicationTemplateId
	ID        string
	Job       string // templateId of the job, such as AAD2ADGroupProvisioning
	State     string // of its schedule: Active, Disabled, Paused
	Status    string // its status.code: Active, NotRun, Paused, Quarantine
}

// groupSetting is a value of a tenant-wide setting of groups.
type groupSetting struct{ template, name, value string }

// SetGroupSetting gives a value of a tenant-wide setting of groups, by its template's id.
func (t *Tenant) SetGroupSetting(template, name, value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settings = slices.DeleteFunc(t.settings, func(s groupSetting) bool { return s.template == template && s.name == name })
	t.settings = append(t.settings, groupSetting{template, name, value})
}

// AddSyncJob adds a synchronization job, and its service principal if there is none of that name.
func (t *Tenant) AddSyncJob(j SyncJob) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.jobs = append(t.jobs, j)
}

// The permissions that open each, by the pages of the sources below.
var (
	settingsRoles  = []string{"GroupSettings.Read.All", "GroupSettings.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All"}
	principalRoles = []string{"Application.Read.All", "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	jobRoles       = []string{"Application.ReadWrite.OwnedBy", "Synchronization.Read.All", "Synchronization.ReadWrite.All"}
)

// about serves a list that is no feed.
func (s *Server) about(roles []string, answer func(r *http.Request) ([]map[string]any, *refusal)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.throttle(w) {
			return
		}
		_, e := s.authorize(r, roles)
		if e != nil {
			refuse(w, e.status, e.code, e.message)
			return
		}
		items, e := answer(r)
		if e != nil {
			refuse(w, e.status, e.code, e.message)
			return
		}
		s.tellPage(w, r, items)
	}
}

// tellPage writes the page of a list that a request asks for. Its token is where it begins.
func (s *Server) tellPage(w http.ResponseWriter, r *http.Request, items []map[string]any) {
	q := r.URL.Query()
	from, _ := slices.BinarySearchFunc(items, q.Get("$skiptoken"), func(i map[string]any, id string) int { return strings.Compare(i["id"].(string), id) })
	page := map[string]any{"value": append([]map[string]any{}, items[from:min(len(items), from+s.options.PageSize)]...)}
	if next := from + s.options.PageSize; next < len(items) {
		q.Set("$skiptoken", items[next]["id"].(string))
		page["@odata.nextLink"] = s.url + r.URL.Path + "?" + q.Encode()
	}
	answer(w, http.StatusOK, page)
}

// groupSettings are the tenant-wide ones: of each template that has a value, all of them.
// Source: https://learn.microsoft.com/graph/api/group-list-settings.
func (s *Server) groupSettings(*http.Request) (items []map[string]any, _ *refusal) {
	s.tenant.mu.Lock()
	defer s.tenant.mu.Unlock()
	values := map[string][]map[string]string{}
	for _, v := range s.tenant.settings {
		values[v.template] = append(values[v.template], map[string]string{"name": v.name, "value": v.value})
	}
	for template, v := range values {
		items = append(items, map[string]any{"id": ID("setting " + template).String(), "displayName": "Group.Unified", "templateId": template, "values": v})
	}
	return inOrder(items), nil
}

var byTemplate = regexp.MustCompile(`^applicationTemplateId eq '([^']*)'$`)

// servicePrincipals are those of an application template.
// Source: https://learn.microsoft.com/graph/api/serviceprincipal-list.
func (s *Server) servicePrincipals(r *http.Request) (items []map[string]any, _ *refusal) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	m := byTemplate.FindStringSubmatch(q.Get("$filter"))
	if err != nil || m == nil {
		return nil, badRequest("Only a filter by applicationTemplateId is played.")
	}
	s.tenant.mu.Lock()
	defer s.tenant.mu.Unlock()
	for _, j := range s.tenant.jobs {
		if strings.EqualFold(j.Template, m[1]) {
			items = append(items, map[string]any{"id": ID("service principal " + j.Principal).String(), "displayName": j.Principal})
		}
	}
	return inOrder(items), nil
}

// syncJobs are those of a service principal.
// Source: https://learn.microsoft.com/graph/api/synchronization-synchronization-list-jobs.
func (s *Server) syncJobs(r *http.Request) (items []map[string]any, _ *refusal) {
	s.tenant.mu.Lock()
	defer s.tenant.mu.Unlock()
	for _, j := range s.tenant.jobs {
		if ID("service principal "+j.Principal).String() == r.PathValue("id") {
			items = append(items, map[string]any{"id": j.ID, "templateId": j.Job, "schedule": map[string]any{"expiration": nil, "interval": "PT20M", "state": j.State},
				"status": map[string]any{"code": j.Status, "quarantine": nil}})
		}
	}
	if items == nil {
		return nil, &refusal{http.StatusNotFound, "Request_ResourceNotFound", "Resource '" + r.PathValue("id") + "' does not exist or one of its queried reference-property objects are not present."}
	}
	return inOrder(items), nil
}

// inOrder sorts items by their ids, each once.
func inOrder(items []map[string]any) []map[string]any {
	slices.SortFunc(items, func(a, b map[string]any) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
	return slices.CompactFunc(items, func(a, b map[string]any) bool { return a["id"] == b["id"] })
}
