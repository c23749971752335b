package socket

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sallyport/agent/patience"
	"sallyport/notify/redact"
	"sallyport/notify/slack"
)

// A connection at whose other end nobody is any more (no answer to a ping, and no word that it ended) is lost, and another one is opened.
func TestDeaf(t *testing.T) {
	t.Parallel()
	opened, over := make(chan struct{}, 100), make(chan struct{})
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(over) }) // before the server, which waits for its requests
	mux.HandleFunc("/api/apps.connections.open", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"ok":true,"url":"ws%s/link"}`, strings.TrimPrefix(server.URL, "http"))
	})
	mux.HandleFunc("/link", func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.Close() }()
		_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","num_connections":1,"connection_info":{"app_id":"A0"}}`))
		opened <- struct{}{}
		<-over // and reads nothing
	})
	client, err := slack.New(slack.Options{Token: redact.NewSecret("xoxb-1"), AppToken: redact.NewSecret("xapp-1"), APIURL: server.URL + "/api/"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{
		Client: client, Handler: func(context.Context, Event) (Answer, error) { return Answer{}, nil }, deaf: 50 * time.Millisecond,
		Rest: func(context.Context, time.Duration) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(running) }()
	for range 3 {
		select {
		case <-opened:
		case <-ctx.Done():
			t.Fatal("nobody noticed")
		}
	}
	stop()
	<-done
	if st := s.State(); st.Connected || st.Err == nil || !strings.Contains(st.Err.Error(), "listening to slack's socket") {
		t.Errorf("%+v", st)
	}
}
