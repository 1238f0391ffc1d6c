package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What of the tenant is read for people alone, and by which permission. Nothing that is
// written depends on it.

// extra are what is read so: in words, and the permissions that open it, the least first.
// Sources: the "permissions" tables of https://learn.microsoft.com/graph/api/group-list-settings,
// .../serviceprincipal-list and .../synchronization-synchronization-list-jobs.
var (
	settings   = feed{name: "the tenant's settings of groups", permissions: []string{"GroupSettings.Read.All", "Group.Read.All", "Directory.Read.All", "GroupSettings.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"}}
	principals = feed{name: "the tenant's applications", permissions: []string{"Application.Read.All", "Directory.Read.All", "Application.ReadWrite.All", "Directory.ReadWrite.All"}}
	jobs       = feed{name: "the tenant's synchronization jobs", permissions: []string{"Synchronization.Read.All", "Synchronization.ReadWrite.All"}}
)

// Unpermitted is the error of what the client's token does not open, and that nobody was
// asked for.
type Unpermitted struct {
	What  string   // in words
	Grant []string // permissions to grant for it
}

func (u *Unpermitted) Error() string {
	return "the app may not read " + u.What + ": grant it " + strings.Join(u.Grant, " and ")
}

// permitted says what of some feeds the token does not open.
func (c *Client) permitted(ctx context.Context, what string, feeds ...feed) error {
	have, err := c.Roles(ctx)
	if errors.Is(err, ErrOpaque) {
		return nil // Graph will say
	}
	if err != nil {
		return err
	}
	u := &Unpermitted{What: what}
	for _, f := range feeds {
		if !slices.ContainsFunc(f.permissions, func(p string) bool { return slices.Contains(have, p) }) {
			u.Grant = append(u.Grant, f.permissions[0])
		}
	}
	if len(u.Grant) > 0 {
		return u
	}
	return nil
}

// unified is the template of the tenant's setting of Microsoft 365 groups, and byDefault the
// name of the value that is read.
// Source: https://learn.microsoft.com/entra/identity/hybrid/connect/how-to-connect-modify-group-writeback.
const (
	unified   = "62375ab9-6b52-47ed-826b-58e47e0e304b"
	byDefault = "NewUnifiedGroupWritebackDefault"
)

// WritebackDefault says whether Microsoft 365 groups count as to be written back of which
// nobody has said so: they do where the setting is missing. The error is an *Unpermitted where
// the token does not open it.
func (c *Client) WritebackDefault(ctx context.Context) (on bool, err error) {
	const what = "the tenant's writeback default"
	if err := c.permitted(ctx, what, settings); err != nil {
		return false, err
	}
	type setting struct {
		TemplateID string `json:"templateId"`
		Values     []struct{ Name, Value string }
	}
	all, err := list[setting](ctx, c, settings, c.base.String()+"/v1.0/groupSettings")
	if err != nil {
		return false, fmt.Errorf("read %s: %w", what, err)
	}
	for _, s := range all {
		for _, v := range s.Values {
			if strings.EqualFold(s.TemplateID, unified) && v.Name == byDefault {
				return !strings.EqualFold(v.Value, "false"), nil
			}
		}
	}
	return true, nil
}

// A Job is a synchronization job that writes groups to Active Directory.
type Job struct {
	Name   string // of its service principal
	ID     string
	State  string // of its schedule, as Graph has it: Active, Disabled, Paused
	Status string // of the job, as Graph has it: Active, NotRun, Paused, Quarantine, …
}

// The application template of Cloud Sync's provisioning to Active Directory, and those of its
// jobs that write groups there. The job's id is documented
// (https://learn.microsoft.com/entra/identity/hybrid/cloud-sync/how-provisioning-to-active-directory-works); of the
// application templates the first is that of provisioning to Active Directory by a public
// script, and the second that of all other jobs of Cloud Sync.
var templates = []string{"fb81332f-3eca-4ecf-a939-4278e501d330", "1a4721b3-e57f-4451-ae87-ef078703ec94"}

const groupsJob = "AAD2ADGroupProvisioning"

// mostPrincipals is of how many service principals the jobs are read: Cloud Sync has 20
// configurations at most.
const mostPrincipals = 50

// GroupJobs lists Cloud Sync's jobs that write groups to Active Directory. The error is an
// *Unpermitted where the token does not open them.
func (c *Client) GroupJobs(ctx context.Context) ([]Job, error) {
	const what = "Cloud Sync's jobs"
	if err := c.permitted(ctx, what, jobs, principals); err != nil {
		return nil, err
	}
	found, err := c.groupJobs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return found, nil
}

func (c *Client) groupJobs(ctx context.Context) (found []Job, err error) {
	type principal struct{ ID, DisplayName string }
	type job struct {
		ID, TemplateID   string
		Schedule, Status struct{ State, Code string }
	}
	at := c.base.String() + "/v1.0/servicePrincipals"
	var all []principal
	for _, template := range templates {
		some, err := list[principal](ctx, c, principals, at+"?$select=id,displayName&$filter="+escape("applicationTemplateId eq '"+template+"'"))
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	if len(all) > mostPrincipals {
		return nil, fmt.Errorf("there are %d service principals of Cloud Sync, and %d at most are looked at", len(all), mostPrincipals)
	}
	for _, p := range all {
		of, err := list[job](ctx, c, jobs, at+"/"+url.PathEscape(p.ID)+"/synchronization/jobs")
		if err != nil {
			return nil, err
		}
		for _, j := range of {
			if strings.EqualFold(j.TemplateID, groupsJob) {
				found = append(found, Job{Name: p.DisplayName, ID: j.ID, State: j.Schedule.State, Status: j.Status.Code})
			}
		}
	}
	return found, nil
}

// Limits of such a list: none of those that are read is long.
const (
	mostPages = 20
	mostBytes = 4 << 20 // of a page
)

// list reads a list to its end.
func list[T any](ctx context.Context, c *Client, f feed, link string) (all []T, err error) {
	r := request{feed: f, link: link, ours: true, list: true}
	for range mostPages {
		var page struct {
			Value *[]T
			Next  string `json:"@odata.nextLink"`
		}
		err := c.persist(ctx, r, func(resp *http.Response, _ string) error {
			page.Value, page.Next = nil, ""
			err := json.NewDecoder(io.LimitReader(withoutMark(resp.Body), mostBytes)).Decode(&page)
			if _, other := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !other {
				return &transient{error: fmt.Errorf("page is not whole or not JSON: %w", err)}
			}
			if err == nil && page.Value == nil {
				err = malformedf(`page has no "value"`)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if all = append(all, *page.Value...); page.Next == "" {
			return all, nil
		}
		r.link = page.Next
	}
	return nil, fmt.Errorf("the list has more than %d pages", mostPages)
}

// told are the permissions by which more can be told to people: they are no excess.
func told() []string {
	return []string{settings.permissions[0], principals.permissions[0], jobs.permissions[0]}
}
