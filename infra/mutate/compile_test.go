package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// listed is a package as go list has it.
type listed struct {
	Dir, ImportPath, Export string
	GoFiles                 []string
	Standard                bool
}

// TestMutantsCompile: a mutant that is no program breaks nothing. Each is held to the compiler's rules
// of types, which takes a moment where a build takes seconds.
func TestMutantsCompile(t *testing.T) {
	list, err := load("mutants")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=Dir,ImportPath,Export,GoFiles,Standard", "./...")
	cmd.Dir, cmd.Stderr = filepath.Join("..", ".."), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exports, ours := map[string]string{}, map[string]listed{}
	for d := json.NewDecoder(out); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if exports[p.ImportPath] = p.Export; !p.Standard {
			ours[p.Dir] = p
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	imports := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, m := range list {
		file, err := filepath.Abs(filepath.Join("..", "..", filepath.FromSlash(m.file)))
		if err != nil {
			t.Fatal(err)
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		changed, err := m.apply(string(source))
		if err != nil {
			continue // which TestListsAreTrue tells
		}
		if err := check(fset, imports, ours[filepath.Dir(file)], file, changed); err != nil {
			t.Errorf("%s does not compile: %v", m.at, err)
		}
	}
}

// check is the error of a package's types, with one file changed.
func check(fset *token.FileSet, imports types.Importer, p listed, file, changed string) error {
	var files []*ast.File
	known := false
	for _, name := range p.GoFiles {
		path, source := filepath.Join(p.Dir, name), any(nil)
		if path == file {
			known, source = true, changed
		}
		f, err := parser.ParseFile(fset, path, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	if !known {
		return errors.New(file + " is no file of a package here")
	}
	_, err := (&types.Config{Importer: imports, GoVersion: runtime.Version()}).Check(p.ImportPath, fset, files, nil)
	return err
}
