// Command bootstrap is the app as an AWS Lambda function on a provided runtime:
// a schedule's event runs a turn, and requests to its Function URL are the HTTP
// functions. It is built with -tags lambda.norpc. By hand, bootstrap check looks at
// everything that it relies on, and bootstrap rules import makes a rules file of a Cloud
// Sync job's schema.
//
// One function serves both. Lambda runs as many processes of it as there are
// events at a time; what keeps their planners apart is the journal.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"groupwriteback/functions/internal/app"
)

func main() {
	// Both streams go to one log here; the lines are those of the other host.
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	slog.SetDefault(log) // and all that libraries print
	if code, run := (app.Program{Name: "bootstrap", Notes: os.Stderr}).Command(context.Background(), os.Args[1:], os.Environ(), os.Stdout); !run {
		os.Exit(code)
	}
	api := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	a, err := app.New(context.Background(), os.Environ(), log, app.Options{})
	if api == "" {
		exit(errors.Join(errors.New("AWS_LAMBDA_RUNTIME_API is not set: this program is started by AWS Lambda"), err))
	}
	if err != nil {
		fmt.Println("bootstrap:", err) // first: what Lambda is told ends the process
		exit(refuse(api, err))
	}
	f := function{sync: a.Sync, handler: a.Handler, log: log}
	lambda.Start(f.invoke)
}

func exit(err error) {
	if err != nil {
		fmt.Println("bootstrap:", err)
	}
	os.Exit(1)
}

// refuse tells Lambda why there will be no function, so that whoever invokes it
// is told, and not that a process ended.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror.
func refuse(api string, why error) error {
	message, err := json.Marshal(map[string]string{"errorType": "Runtime.Settings", "errorMessage": why.Error()})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(message))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Lambda-Runtime-Function-Error-Type", "Runtime.Settings")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("report error of start: %w", err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return cmp.Or(err, resp.Body.Close())
}
