{{/* Of the pods of a journal on PostgreSQL: {"root": $, "url": …, "passwordSecret": {name, key}}. */}}

{{- define "receiver.databaseEnv" -}}
- {name: RECEIVER_CONFIG, value: /etc/receiver/receiver.toml}
- {name: RECEIVER_JOURNAL__URL, value: {{ .url | quote }}}
- {name: RECEIVER_JOURNAL__DATABASE_SCHEMA, value: {{ .root.Values.journal.postgresql.databaseSchema | quote }}}
- {name: RECEIVER_JOURNAL__DURABILITY, value: {{ .root.Values.journal.postgresql.durability | quote }}}
{{- if .passwordSecret.name }}
- {name: RECEIVER_JOURNAL__PASSWORD, value: "file:/run/secrets/journal/password"}
{{- end }}
{{- end -}}

{{- define "receiver.databaseMounts" -}}
- {name: config, mountPath: /etc/receiver, readOnly: true}
- {name: secrets, mountPath: /run/secrets/receiver, readOnly: true}
{{- if .passwordSecret.name }}
- {name: password, mountPath: /run/secrets/journal, readOnly: true}
{{- end }}
{{- end -}}

{{/* config: the ConfigMap's name. The password is a folder and no subPath, so that a new one arrives in the pod. */}}
{{- define "receiver.databaseVolumes" -}}
{{ include "receiver.configVolumes" . }}
{{- with .passwordSecret }}
{{- if .name }}
- name: password
  secret:
    secretName: {{ .name | quote }}
    defaultMode: 0440
    items: [{key: {{ .key | quote }}, path: password}]
{{- end }}
{{- end }}
{{- end -}}

{{/* What a schema cannot compare. */}}
{{- define "receiver.refuse" -}}
{{- $fewest := .Values.intake.replicas -}}
{{- if .Values.intake.autoscaling.enabled -}}
{{- $fewest = .Values.intake.autoscaling.minReplicas -}}
{{- if gt (int $fewest) (int .Values.intake.autoscaling.maxReplicas) -}}
{{- fail "intake.autoscaling.minReplicas is more than intake.autoscaling.maxReplicas" -}}
{{- end -}}
{{- if not (dig "requests" "cpu" "" (.Values.intake.resources | default .Values.resources)) -}}
{{- fail "intake.autoscaling goes by a share of requests.cpu, and the resources name none" -}}
{{- end -}}
{{- end -}}
{{- include "receiver.refuseBudget" (list "intake" .Values.intake.minAvailable $fewest) -}}
{{- include "receiver.refuseBudget" (list "worker" .Values.worker.minAvailable .Values.worker.replicas) -}}
{{- end -}}
{{/* [role, how many have to stay, how many there are] */}}
{{- define "receiver.refuseBudget" -}}
{{- if ge (int (index . 1)) (int (index . 2)) -}}
{{- $said := printf "%s.minAvailable is %v of %v pods, so that none could ever be moved" (index . 0) (index . 1) (index . 2) -}}
{{- fail (printf "%s from its node: have more pods, or let fewer be enough" $said) -}}
{{- end -}}
{{- end -}}
