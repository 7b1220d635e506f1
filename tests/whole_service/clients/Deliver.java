import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Java's own HttpClient as people use it: java Deliver.java URL BODY_FILE COUNT NAME=VALUE...
 *
 * Each line of the input is a mode: "default" (which offers an upgrade to HTTP/2 with every request), "http1",
 * "chunked" (a body of unknown length), "expect" or "together" (all at once). For each, with a client of its own, one
 * line with all statuses.
 */
public final class Deliver {
  public static void main(String[] arguments) throws Exception {
    BufferedReader modes = new BufferedReader(new InputStreamReader(System.in));
    for (String mode = modes.readLine(); mode != null; mode = modes.readLine()) {
      System.out.println(deliver(arguments, mode));
    }
  }

  private static String deliver(String[] arguments, String mode) throws Exception {
    byte[] body = Files.readAllBytes(Path.of(arguments[1]));
    int count = Integer.parseInt(arguments[2]);
    HttpRequest.BodyPublisher publisher = HttpRequest.BodyPublishers.ofByteArray(body);
    if (mode.equals("chunked")) {
      publisher = HttpRequest.BodyPublishers.fromPublisher(publisher);
    }
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(arguments[0])).POST(publisher);
    for (int at = 3; at < arguments.length; at++) {
      String[] field = arguments[at].split("=", 2);
      request.header(field[0], field[1]);
    }
    if (mode.equals("expect")) {
      request.expectContinue(true);
    }
    HttpClient.Builder client = HttpClient.newBuilder();
    if (mode.equals("http1")) {
      client.version(HttpClient.Version.HTTP_1_1);
    }
    HttpClient http = client.build();
    List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
    for (int number = 0; number < count; number++) {
      CompletableFuture<HttpResponse<String>> answer =
          http.sendAsync(request.build(), HttpResponse.BodyHandlers.ofString());
      answers.add(answer);
      if (!mode.equals("together")) {
        answer.join();
      }
    }
    List<String> statuses = new ArrayList<>();
    for (CompletableFuture<HttpResponse<String>> answer : answers) {
      statuses.add(String.valueOf(answer.join().statusCode()));
    }
    return String.join(" ", statuses);
  }
}
