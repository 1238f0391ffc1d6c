// Package bundle lays out what is deployed: the folder of an Azure function app,
// the folder of an AWS Lambda function, and a zip of either that keeps the
// programs' run bits.
//
// It builds nothing and deploys nothing.
package bundle

import (
	"archive/zip"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// FunctionApp lays out dir as the root of a function app: host.json, a folder
// with function.json for each function, and the handler under the name that
// host.json gives it. source is the project's folder. rules may be "": then the
// file is put there, or named by a setting, later.
func FunctionApp(source, handler, rules, dir string) error {
	files, err := filepath.Glob(filepath.Join(source, "functions", "*", "function.json"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s has no functions/*/function.json: it is not the project's folder", source)
	}
	err = place(filepath.Join(source, "host.json"), filepath.Join(dir, "host.json"), 0o644)
	for _, f := range files {
		name := filepath.Base(filepath.Dir(f))
		err = cmp.Or(err, place(f, filepath.Join(dir, name, "function.json"), 0o644))
	}
	return cmp.Or(err, place(handler, filepath.Join(dir, "handler"), 0o755), placeRules(rules, dir))
}

// LambdaFunction lays out dir as a function on a provided runtime. rules is as
// with FunctionApp.
func LambdaFunction(bootstrap, rules, dir string) error {
	return cmp.Or(place(bootstrap, filepath.Join(dir, "bootstrap"), 0o755), placeRules(rules, dir))
}

func placeRules(rules, dir string) error {
	if rules == "" {
		return nil
	}
	return place(rules, filepath.Join(dir, "rules.yaml"), 0o644)
}

func place(from, to string, mode fs.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, mode)
}

// Zip writes a folder as a zip. Run bits lie in the external attributes, as those
// of a file made on Unix; hosts that unpack it need them. The same folder gives
// the same bytes.
func Zip(w io.Writer, dir string) error {
	z := zip.NewWriter(w)
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return add(z, root, name)
	})
	if err != nil {
		return fmt.Errorf("zip %s: %w", dir, err)
	}
	return z.Close()
}

func add(z *zip.Writer, root fs.FS, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", name)
	}
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)} // the first that a zip knows
	h.SetMode(0o644 | info.Mode()&0o111)
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
