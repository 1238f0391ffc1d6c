// Command mkbundle lays out a deployment below a folder, and zips it beside:
//
//	mkbundle azure  <handler>   dist/azure [rules.yaml]
//	mkbundle lambda <bootstrap> dist/lambda-arm64 [rules.yaml]
//
// It is run in the project's folder; make azure and make lambda do.
package main

import (
	"errors"
	"fmt"
	"os"

	"groupwriteback/infra/bundle"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mkbundle:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	if len(args) < 3 || len(args) > 4 {
		return errors.New("use: mkbundle azure|lambda <program> <folder> [<rules.yaml>]")
	}
	program, dir, rules := args[1], args[2], ""
	if len(args) == 4 {
		rules = args[3]
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	switch args[0] {
	case "azure":
		err = bundle.FunctionApp(".", program, rules, dir)
	case "lambda":
		err = bundle.LambdaFunction(program, rules, dir)
	default:
		err = fmt.Errorf("%q: use azure or lambda", args[0])
	}
	if err != nil {
		return err
	}
	return zip(dir)
}

// zip zips a folder beside itself, and says how large that is.
func zip(dir string) (err error) {
	f, err := os.Create(dir + ".zip")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := bundle.Zip(f, dir); err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		fmt.Printf("%s: %.1f MB\n", f.Name(), float64(info.Size())/1e6)
	}
	return err
}
