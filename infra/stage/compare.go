package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// ErrDiffers: Active Directory is not what the cloud says.
var ErrDiffers = errors.New("active directory differs from the cloud")

// Compare holds Active Directory against the cloud with compare.py, which shares
// no code with us, and returns what it printed. ErrDiffers: they are not equal.
func (s *Stage) Compare(ctx context.Context) (string, error) {
	truth, err := json.Marshal(s.Company.Tenant)
	if err != nil {
		return "", err
	}
	s.comparing.Lock() // it is one file
	defer s.comparing.Unlock()
	file := filepath.Join(s.Dir, "truth.json")
	if err := os.WriteFile(file, truth, 0o600); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "python3", slices.Concat([]string{filepath.Join(s.Source, "infra/stage/compare.py"), "--truth", file}, s.LookArgs(), s.Looks)...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return string(out), fmt.Errorf("%w:\n%s", ErrDiffers, out)
	}
	if err != nil {
		return string(out), fmt.Errorf("compare: %w\n%s", err, out)
	}
	return string(out), nil
}

// LookArgs are compare.py's arguments that say where the directory is.
func (s *Stage) LookArgs() []string {
	return []string{"--url", s.DC.URL, "--user", s.DC.BindName, "--password-file", filepath.Join(s.Dir, "ad-password"), "--ca", s.DC.CAFile,
		"--base", s.Base, "--domain", s.DC.Domain, "--insecure-name"}
}
