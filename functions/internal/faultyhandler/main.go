// Command faultyhandler is the custom handler with one thing added: it kills its
// own process at a store write whose number the environment names, before or
// after the write. Tests use it to show that no write is one too many or too few.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"syscall"

	"groupwriteback/functions/internal/app"
	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	err := app.ServeAzure(context.Background(), os.Environ(), log, app.Options{Store: faulty})
	fmt.Println("handler:", err)
	os.Exit(1)
}

// faulty counts writes in the file FAULT_COUNT, a byte for each, so that numbers
// go on after a restart, and dies at number FAULT_WRITE, FAULT_WHEN it was done
// ("after") or not ("before").
func faulty(s blob.Store) blob.Store {
	at, _ := strconv.ParseInt(os.Getenv("FAULT_WRITE"), 10, 64)
	when := os.Getenv("FAULT_WHEN")
	return &blobtest.Hook{Store: s, Around: func(_ int64, _ string, write func() error) error {
		n := count(os.Getenv("FAULT_COUNT"))
		if n == at && when == "before" {
			die()
		}
		err := write()
		if n == at {
			die()
		}
		return err
	}}
}

func count(file string) int64 {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte{'.'}); err != nil {
		panic(err)
	}
	info, err := f.Stat()
	if err != nil {
		panic(err)
	}
	return info.Size()
}

// die ends the process as a power cut does.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
