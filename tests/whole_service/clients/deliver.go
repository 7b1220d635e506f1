// Go's own client: go run deliver.go URL BODY_FILE COUNT MODE NAME=VALUE...
//
// MODE: "default", "chunked" (a body of unknown length), "expect". Prints one status a line.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

func main() {
	body, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	count, _ := strconv.Atoi(os.Args[3])
	for number := 0; number < count; number++ {
		var reader io.Reader = bytes.NewReader(body)
		if os.Args[4] == "chunked" {
			reader = io.MultiReader(reader)
		}
		request, err := http.NewRequest("POST", os.Args[1], reader)
		if err != nil {
			panic(err)
		}
		for _, field := range os.Args[5:] {
			name, value, _ := strings.Cut(field, "=")
			request.Header.Set(name, value)
		}
		if os.Args[4] == "expect" {
			request.Header.Set("Expect", "100-continue")
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		fmt.Println(answer.StatusCode)
	}
}
