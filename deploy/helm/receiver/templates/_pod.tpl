{{/* What the pods of every shape have in common. Each takes {"root": $, …}, since a pod is of one role or another. */}}

{{/* labels: those of the pod, as text. */}}
{{- define "receiver.podMetadata" -}}
labels: {{- .labels | nindent 2 }}
  {{- with .root.Values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
annotations:
  checksum/config: {{ .root.Values.config | sha256sum }}
  {{- with .root.Values.podAnnotations }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end -}}

{{/* graceSeconds: from SIGTERM, or from the wait before it, to SIGKILL. */}}
{{- define "receiver.podSettings" -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .graceSeconds }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "receiver.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "receiver.listenerEnv" -}}
- {name: RECEIVER_SERVER__HOST, value: "0.0.0.0"}
- {name: RECEIVER_SERVER__PORT, value: "8080"}
- {name: RECEIVER_SERVER__SHUTDOWN_TIMEOUT_S, value: {{ .root.Values.shutdownTimeoutSeconds | quote }}}
- {name: RECEIVER_ADMIN__HOST, value: "0.0.0.0"}
- {name: RECEIVER_ADMIN__PORT, value: "8081"}
{{- with .root.Values.traces.endpoint }}
- {name: RECEIVER_TRACES__ENDPOINT, value: {{ . | quote }}}
- {name: RECEIVER_TRACES__SAMPLE_RATIO, value: {{ $.root.Values.traces.sampleRatio | quote }}}
{{- end }}
{{- with .root.Values.extraEnv }}{{ toYaml . | nindent 0 }}{{ end }}
{{- end -}}

{{- define "receiver.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: admin}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 300   # ten minutes, for a journal in a folder that is brought to a newer format
livenessProbe:
  httpGet: {path: /livez, port: admin}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* config: the ConfigMap's name. */}}
{{- define "receiver.configVolumes" -}}
- name: config
  configMap: {name: {{ .config }}}
- name: secrets
  secret: {secretName: {{ .root.Values.secrets.existingSecret | quote }}, defaultMode: 0440}
{{- end -}}
