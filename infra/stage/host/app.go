package host

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// app is a function app, as its files say.
type app struct {
	Exe         string
	Timeout     time.Duration // of a function
	InitTimeout time.Duration // of the handler's start
	Functions   []function
}

type function struct {
	Name    string
	Trigger string         // timerTrigger | httpTrigger
	Binding string         // name of the trigger's binding
	Methods []string       // of an HTTP function, upper case; none: all
	Route   *regexp.Regexp // of an HTTP function, with the prefix
}

// hostFile is host.json: the keys that an app of ours may have use for. See
// https://learn.microsoft.com/azure/azure-functions/functions-host-json.
type hostFile struct {
	Version       string `json:"version"`
	CustomHandler struct {
		Description struct {
			DefaultExecutablePath string `json:"defaultExecutablePath"`
		} `json:"description"`
		EnableProxyingHTTPRequest bool   `json:"enableProxyingHttpRequest"`
		InitializationTimeout     string `json:"initializationTimeout"`
	} `json:"customHandler"`
	Extensions struct {
		HTTP struct {
			RoutePrefix *string `json:"routePrefix"`
		} `json:"http"`
	} `json:"extensions"`
	FunctionTimeout string          `json:"functionTimeout"`
	Logging         json.RawMessage `json:"logging"` // the host's own
}

// functionFile is function.json.
type functionFile struct {
	Bindings []binding `json:"bindings"`
}

type binding struct {
	Type         string   `json:"type"`
	Direction    string   `json:"direction"`
	Name         string   `json:"name"`
	AuthLevel    string   `json:"authLevel"`
	Methods      []string `json:"methods"`
	Route        *string  `json:"route"`
	Schedule     string   `json:"schedule"`
	RunOnStartup bool     `json:"runOnStartup"`
	UseMonitor   *bool    `json:"useMonitor"`
}

// readApp reads the app below root; env are its settings.
func readApp(root string, env []string) (app, error) {
	var hf hostFile
	if err := readJSON(filepath.Join(root, "host.json"), &hf); err != nil {
		return app{}, err
	}
	a := app{Exe: filepath.Join(root, hf.CustomHandler.Description.DefaultExecutablePath)}
	if err := a.readHost(hf, env); err != nil {
		return app{}, fmt.Errorf("host.json: %w", err)
	}
	prefix := "api"
	if p := hf.Extensions.HTTP.RoutePrefix; p != nil {
		prefix = *p
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "function.json"))
	if err != nil {
		return app{}, err
	}
	for _, file := range files {
		f, err := readFunction(file, prefix, env)
		if err != nil {
			return app{}, fmt.Errorf("%s: %w", file, err)
		}
		a.Functions = append(a.Functions, f)
	}
	if len(a.Functions) == 0 {
		return app{}, errors.New("no folder with a function.json")
	}
	return a, nil
}

// readHost takes what host.json says, less what settings override.
func (a *app) readHost(hf hostFile, env []string) error {
	if hf.Version != "2.0" || !hf.CustomHandler.EnableProxyingHTTPRequest {
		return errors.New("version must be 2.0, and enableProxyingHttpRequest true")
	}
	info, err := os.Stat(a.Exe)
	switch {
	case err != nil:
		return fmt.Errorf("defaultExecutablePath: %w", err)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return fmt.Errorf("defaultExecutablePath: %s has no run bit", a.Exe)
	}
	if a.Timeout, err = parseSpan(cmp.Or(setting(env, "AzureFunctionsJobHost__functionTimeout"), hf.FunctionTimeout, "00:30:00")); err != nil {
		return fmt.Errorf("functionTimeout: %w", err)
	}
	if a.InitTimeout, err = parseSpan(cmp.Or(hf.CustomHandler.InitializationTimeout, "00:00:30")); err != nil {
		return fmt.Errorf("initializationTimeout: %w", err)
	}
	return nil
}

var (
	functionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,127}$`)
	bindingName  = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_]{0,127}|\$return)$`)
)

func readFunction(file, prefix string, env []string) (function, error) {
	f := function{Name: filepath.Base(filepath.Dir(file))}
	if !functionName.MatchString(f.Name) {
		return f, fmt.Errorf("%q is no name of a function", f.Name)
	}
	var ff functionFile
	if err := readJSON(file, &ff); err != nil {
		return f, err
	}
	for _, b := range ff.Bindings {
		if !bindingName.MatchString(b.Name) {
			return f, fmt.Errorf("%q is no name of a binding", b.Name)
		}
		if strings.HasSuffix(b.Type, "Trigger") && f.Trigger != "" {
			return f, errors.New("two triggers: a function has one")
		}
		if err := f.bind(b, prefix, env); err != nil {
			return f, fmt.Errorf("binding %s: %w", b.Name, err)
		}
	}
	outputs := slices.DeleteFunc(slices.Clone(ff.Bindings), func(b binding) bool { return b.Direction != "out" })
	switch {
	case f.Trigger == "":
		return f, errors.New("no trigger")
	case f.Trigger == "httpTrigger" && (len(outputs) != 1 || outputs[0].Type != "http" || len(ff.Bindings) != 2):
		return f, errors.New("a request is proxied only to a function of one httpTrigger in and one http out")
	case f.Trigger == "timerTrigger" && len(outputs) > 0:
		return f, errors.New("this host plays no output bindings of timers")
	}
	return f, nil
}

// bind takes one binding.
func (f *function) bind(b binding, prefix string, env []string) error {
	switch b.Type + " " + b.Direction {
	case "http out":
		return nil
	case "timerTrigger in":
		f.Trigger, f.Binding = b.Type, b.Name
		return checkSchedule(b.Schedule, env)
	case "httpTrigger in":
		if b.AuthLevel != "anonymous" {
			return fmt.Errorf("authLevel %q: the host would ask for a key, and this one has none", b.AuthLevel)
		}
		f.Trigger, f.Binding = b.Type, b.Name
		for _, m := range b.Methods {
			f.Methods = append(f.Methods, strings.ToUpper(m))
		}
		route := f.Name
		if b.Route != nil {
			route = *b.Route
		}
		f.Route = routePattern(prefix, route)
		return nil
	}
	return fmt.Errorf("this host does not know a %s with direction %q", b.Type, b.Direction)
}

// checkSchedule wants six fields of NCRONTAB; %NAME% is an app's setting.
func checkSchedule(schedule string, env []string) error {
	if name, ok := strings.CutPrefix(schedule, "%"); ok {
		name = strings.TrimSuffix(name, "%")
		if schedule = setting(env, name); schedule == "" {
			return fmt.Errorf("schedule: the setting %s is not set", name)
		}
	}
	if len(strings.Fields(schedule)) != 6 {
		return fmt.Errorf("schedule %q: NCRONTAB has six fields, seconds first", schedule)
	}
	return nil
}

// routePattern turns a route template such as relay/{action} or status/{view?}
// into a pattern of whole paths.
func routePattern(prefix, route string) *regexp.Regexp {
	p := regexp.QuoteMeta(strings.TrimRight("/"+prefix, "/") + "/" + route)
	p = regexp.MustCompile(`/\\\{[a-z]+\\\?\\\}`).ReplaceAllString(p, `(/[^/]+)?`)
	p = regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(p, `[^/]+`)
	return regexp.MustCompile("(?i)^" + p + "/?$")
}

// setting is the value of an app's setting, or "".
func setting(env []string, name string) (value string) {
	for _, kv := range env {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			value = v
		}
	}
	return value
}

var span = regexp.MustCompile(`^(?:(\d+)\.)?(\d\d):(\d\d):(\d\d)$`)

// parseSpan reads a .NET TimeSpan, [d.]hh:mm:ss.
func parseSpan(s string) (time.Duration, error) {
	m := span.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not [d.]hh:mm:ss", s)
	}
	var d time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(cmp.Or(m[i+1], "0"))
		d += time.Duration(n) * unit
	}
	return d, nil
}

// readJSON reads a file of one value, and takes a key that is not known for the
// mistake that it is: the real host would ignore it.
func readJSON(file string, v any) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%s: something follows the object", file)
	}
	return nil
}
