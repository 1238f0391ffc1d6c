package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"groupwriteback/shared/textfile"
)

// An installation is what a folder's files say.
type installation struct {
	folder  string   // whole path
	env     []string // the handler's settings, NAME=value
	address string   // host:port of the relay, on this machine
	api     string   // the first audience of the handler, for callers' tokens
}

// file is the whole path of one of the folder's files.
func (in installation) file(name string) string { return filepath.Join(in.folder, name) }

// readInstallation reads a folder's handler.env and agent.yaml. It judges only what
// the one machine asks for: the rest is for the checks of both halves.
func readInstallation(folder string) (installation, error) {
	if folder == "" {
		return installation{}, errors.New("name the folder of handler.env, agent.yaml and rules.yaml: make run CONFIG=/srv/groupwriteback")
	}
	whole, err := filepath.Abs(folder)
	if err != nil {
		return installation{}, err
	}
	in := installation{folder: whole}
	if in.env, err = readEnv(in.file("handler.env")); err != nil {
		return in, err
	}
	if !has(in.env, "GROUPWRITEBACK_STORE") {
		in.env = append(in.env, "GROUPWRITEBACK_STORE=dir:"+in.file("journal"))
	}
	if !has(in.env, "GROUPWRITEBACK_RULES") {
		in.env = append(in.env, "GROUPWRITEBACK_RULES="+in.file("rules.yaml"))
	}
	for _, kv := range in.env {
		if list, ok := strings.CutPrefix(kv, "GROUPWRITEBACK_API_AUDIENCE="); ok {
			in.api, _, _ = strings.Cut(list, ",")
		}
	}
	in.address, err = relayAddress(in.file("agent.yaml"))
	return in, err
}

func has(env []string, name string) bool {
	return slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}

// readEnv reads lines of NAME=value. A value is taken as it stands, without quotes,
// and no error repeats one: it may be a secret.
func readEnv(file string) ([]string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w: copy the files of infra/run/example, and put in your own values", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read settings: %s has secrets, and others than its owner may read it: chmod 600 it", file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	if data, err = textfile.Decode(data); err != nil {
		return nil, fmt.Errorf("read settings: %s: %w", file, err)
	}
	var env []string
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if text := strings.TrimSpace(line); text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		name, _, ok := strings.Cut(line, "=")
		if !ok || name == "" || strings.ContainsAny(name, " \t\"'") {
			return nil, fmt.Errorf("read settings: %s:%d: write NAME=value, without blanks around the sign and without quotes", file, i+1)
		}
		if has(env, name) {
			return nil, fmt.Errorf("read settings: %s:%d: %s is set twice: remove one", file, i+1, name)
		}
		env = append(env, line)
	}
	return env, nil
}

// relayAddress is where agent.yaml expects the relay, which has to be this machine's
// own loopback: the played host speaks no TLS.
func relayAddress(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read agent's file: %w: copy the files of infra/run/example, and put in your own values", err)
	}
	if data, err = textfile.Decode(data); err != nil {
		return "", fmt.Errorf("read agent's file: %s: %w", file, err)
	}
	var f struct {
		Relay struct {
			URL string `yaml:"url"`
		} `yaml:"relay"`
	}
	if yaml.Unmarshal(data, &f) != nil { // its error would repeat lines of the file
		return "", fmt.Errorf("read agent's file: %s is not YAML that can be read: bin/agent check --config %s says where", file, file)
	}
	u, err := url.Parse(f.Relay.URL)
	if err != nil || u.Scheme != "http" || !net.ParseIP(u.Hostname()).IsLoopback() || u.Port() == "" || u.Path != "/api/relay/" {
		return "", fmt.Errorf("read agent's file: %s: on one machine relay.url is http://127.0.0.1:7071/api/relay/, or another free port", file)
	}
	return u.Host, nil
}
