package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/spf13/cobra"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/signin"
	"groupwriteback/shared/status"
	"groupwriteback/shared/version"
)

// doctor is the command that looks at the whole way from here to Active Directory.
func doctor(o *options) *cobra.Command {
	return answering("Checklist", &cobra.Command{Use: "doctor", Short: "Look at the whole way, from here to Active Directory, and say what is wrong with it", Args: cobra.NoArgs,
		Long: `Looks at the settings of this command, the way to the function app, the sign-in with its roles, this machine's
clock, and then at what the function app says: how it stands, its agent, what is under way, held or refused.

It writes nothing. It goes on after a failure as far as it can. Exit code 1: a line says FAILED.`,
		Example: "  groupwriteback doctor\n  groupwriteback doctor --output json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			e := &examination{session: newSession(nil, cmd.OutOrStdout(), o.output == "json")}
			if !e.json {
				e.Out, e.Colours, e.Width = e.out, e.screen.Colours, e.screen.Fold()
			}
			e.look(cmd.Context(), o)
			if e.json {
				whole, err := json.Marshal(map[string]any{"checklist": e.Rows})
				if err != nil {
					return fmt.Errorf("encode checklist: %w", err)
				}
				if err := e.print(whole, nil); err != nil {
					return err
				}
			}
			return e.Err()
		}})[0]
}

// lookTime is how long one line of doctor may take, but for the sign-in, where a person may be asked.
const lookTime = 90 * time.Second

// examination is doctor under way.
type examination struct {
	checklist.List
	*session
}

func (e *examination) look(ctx context.Context, o *options) {
	all, err := o.said()
	if err != nil {
		e.Bad("settings", err)
		e.Unknown("function app", "without settings nobody can be asked")
		return
	}
	e.Tell(settingRows(all)...)
	c, err := dial(all)
	if err != nil {
		e.Bad("settings", err)
		e.Unknown("function app", "without settings nobody can be asked")
		return
	}
	e.client = c
	e.way(ctx, all["url"].value)
	if method := signin.Method(all["sign_in"].value); method.Interactive() {
		_, err := keyring()
		e.Tell(keyringRow(err))
	}
	token, err := c.as.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{c.scope}})
	if err != nil {
		e.Bad("sign-in", unsigned(err))
		e.Unknown("function app", "without a sign-in it says nothing")
		return
	}
	e.Tell(tokenRows(token.Token, all["sign_in"].value, token.ExpiresOn)...)
	e.target(ctx)
}

// way looks at the way to the function app, and asks it what it tells everybody.
func (e *examination) way(ctx context.Context, base string) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	u, err := url.Parse(base)
	if err != nil {
		e.Bad("settings", fmt.Errorf("parse url: %w", err))
		return
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err != nil || proxy != nil {
		e.Unknown("name", "a proxy looks for it")
	} else {
		found, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
		e.Tell(nameRow(u.Hostname(), found, err))
	}
	begun := time.Now()
	resp, data, err := e.send(ctx, http.MethodGet, "status/health", nil, "")
	if err != nil {
		e.Bad("network", err)
		e.Unknown("clock", "there is no other to hold it against")
		return
	}
	ended := time.Now()
	e.Tell(wayRow(resp, data))
	e.Tell(clockRow(resp.Header.Get("Date"), begun.Add(ended.Sub(begun)/2)))
}

// target asks how the target stands.
func (e *examination) target(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var st status.Status
	if err := e.get(ctx, "status", nil, &st); err != nil {
		e.Bad("API", err)
		e.Unknown("target", "the function app does not say how it stands")
		return
	}
	e.Good("API", fmt.Sprintf("it answers for the target %s", cmp.Or(st.Target, "without a name")))
	e.Tell(versionRow(version.Of(), st.Version, st.Agent.Version))
	e.Tell(statusRows(st)...)
}
