// lambda_go - a bootstrap as one writes it in Go without a library for Lambda: net/http, crypto/hmac,
// encoding/json. The secret is in the file $BENCH_SECRET.
//
// go: CGO_ENABLED=0 go build -ldflags "-s -w"
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

type envelope struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

type answer struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

func isGenuine(secret []byte, header, body string) bool {
	timestamp, signature, found := strings.Cut(strings.TrimPrefix(header, "timestamp="), ",signature=")
	given, err := hex.DecodeString(signature)
	if !found || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	io.WriteString(mac, timestamp+"."+body)
	return hmac.Equal(mac.Sum(nil), given)
}

func handle(secret, payload []byte) answer {
	var event envelope
	var webhook map[string]any
	status, verdict := 401, "refused"

	if json.Unmarshal(payload, &event) == nil &&
		isGenuine(secret, event.Headers["x-buildkite-signature"], event.Body) {
		status = 400
		if json.Unmarshal([]byte(event.Body), &webhook) == nil && webhook["event"] != nil {
			status, verdict = 200, "accepted"
		}
	}
	said, _ := json.Marshal(map[string]any{"verdict": verdict, "event": webhook["event"]})
	return answer{status, map[string]string{"content-type": "application/json"}, string(said)}
}

func exchange(client *http.Client, request *http.Request, wanted int) (http.Header, []byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != wanted {
		err = fmt.Errorf("%s: %s", request.URL, response.Status)
	}
	return response.Header, body, err
}

func oneEvent(client *http.Client, base string, secret []byte) error {
	next, err := http.NewRequest("GET", base+"next", nil)
	if err != nil {
		return err
	}
	header, payload, err := exchange(client, next, 200)
	if err != nil {
		return err
	}
	body, err := json.Marshal(handle(secret, payload))
	if err != nil {
		return err
	}
	url := base + header.Get("Lambda-Runtime-Aws-Request-Id") + "/response"
	response, err := http.NewRequest("POST", url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response.Header.Set("Content-Type", "application/json")
	_, _, err = exchange(client, response, 202)
	return err
}

func main() {
	secret, err := os.ReadFile(os.Getenv("BENCH_SECRET"))
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	client := &http.Client{}
	for err == nil {
		err = oneEvent(client, base, secret)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
