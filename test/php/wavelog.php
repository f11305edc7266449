<?php
// What Wavelog's PHP does with the worker: one short HTTP request per call over a connection of its
// own, with Wavelog's timeouts; and its rule for a topic that the worker does not know.

const CONNECT_TIMEOUT_MS = 500;
const TIMEOUT_MS = 1000;

/** The worker as Wavelog sees it. */
class Worker
{
    /** Every call so far: path, status (0: no answer), body, error and ms. */
    public array $calls = [];

    public function __construct(public string $url, public string $secret)
    {
    }

    /** One request; the status of its answer, or 0. */
    public function call(string $method, string $path, ?string $body = null, array $headers = []): int
    {
        $curl = curl_init($this->url . $path);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_CONNECTTIMEOUT_MS => CONNECT_TIMEOUT_MS,
            CURLOPT_TIMEOUT_MS => TIMEOUT_MS,
            CURLOPT_FRESH_CONNECT => true,
            CURLOPT_FORBID_REUSE => true,
            CURLOPT_HTTPHEADER => [
                'Content-Type: application/json',
                'X-Worker-Secret: ' . $this->secret,
                ...$headers,
            ],
        ]);
        if ($body !== null) {
            curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
        }
        $start = hrtime(true);
        $answer = curl_exec($curl);
        $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        $this->calls[] = [
            'path' => $path,
            'status' => $status,
            'body' => $answer === false ? null : $answer,
            'error' => curl_error($curl),
            'ms' => (hrtime(true) - $start) / 1e6,
        ];
        curl_close($curl);
        return $status;
    }

    public function register(string $topic, bool $requireToken): int
    {
        $meta = ['require_token' => $requireToken];
        $body = json_encode(['topic' => $topic, 'meta' => $meta]);
        return $this->call('POST', '/internal/register', $body);
    }

    public function unregister(string $topic): int
    {
        return $this->call('POST', '/internal/unregister', json_encode(['topic' => $topic]));
    }

    /** Publishes a payload given as JSON text. */
    public function publish(string $topic, string $payload, bool $expect = false): int
    {
        // As json_encode writes it, but with the payload's own text: what it is must arrive.
        $body = '{"topic":' . json_encode($topic) . ',"payload":' . $payload . '}';
        $headers = $expect ? ['Expect: 100-continue'] : [];
        return $this->call('POST', '/internal/publish', $body, $headers);
    }

    /** Publishes; when told that the topic is unknown, registers it and publishes once more. */
    public function deliver(string $topic, bool $requireToken, string $payload): int
    {
        $status = $this->publish($topic, $payload);
        if ($status !== 404) {
            return $status;
        }
        $this->register($topic, $requireToken);
        return $this->publish($topic, $payload);
    }

    public function token(array $claims): string
    {
        $message = bin2hex(json_encode($claims));
        return $message . '.' . bin2hex(hash_hmac('sha256', $message, $this->secret, true));
    }
}
