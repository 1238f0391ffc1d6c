package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
)

// function is what Lambda invokes.
type function struct {
	sync    func(context.Context) error
	handler http.Handler
	log     *slog.Logger
}

// scheduled is the detail-type of an event of a schedule, of EventBridge's rules
// as of its scheduler.
const scheduled = "Scheduled Event"

// invoke serves one event. The deadline of ctx is Lambda's.
func (f function) invoke(ctx context.Context, event json.RawMessage) (any, error) {
	var kind struct {
		DetailType     string `json:"detail-type"`
		RequestContext *struct {
			HTTP *struct{} `json:"http"`
		} `json:"requestContext"`
	}
	if err := json.Unmarshal(event, &kind); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	switch {
	case kind.DetailType == scheduled:
		return nil, f.turn(ctx)
	case kind.RequestContext != nil && kind.RequestContext.HTTP != nil:
		var q events.LambdaFunctionURLRequest
		if err := json.Unmarshal(event, &q); err != nil {
			return nil, fmt.Errorf("decode request: %w", err)
		}
		return serve(ctx, f.handler, q)
	}
	return nil, errors.New("the event is neither of a schedule (detail-type Scheduled Event) nor a request to the Function URL: remove the trigger that sends it")
}

// turn runs a turn. Lambda invokes again after an error of a schedule's event,
// which does no harm: so does the next event.
func (f function) turn(ctx context.Context) error {
	err := f.sync(ctx)
	if err != nil {
		f.log.Error("turn failed", "err", err)
	}
	return err
}
