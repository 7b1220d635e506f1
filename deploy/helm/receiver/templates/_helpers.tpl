{{- define "receiver.name" -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- define "receiver.selector" -}}
app.kubernetes.io/name: receiver
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}
{{- define "receiver.labels" -}}
{{ include "receiver.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}
{{- define "receiver.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Of one role of a journal on PostgreSQL: {"root": $, "role": "intake" or "worker"}. */}}
{{- define "receiver.roleSelector" -}}
{{ include "receiver.selector" .root }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}
{{- define "receiver.roleLabels" -}}
{{ include "receiver.labels" .root }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}
{{/* The job that makes the tables is no receiver: no Service and no monitoring finds its pod. */}}
{{- define "receiver.initSelector" -}}
app.kubernetes.io/name: receiver-init
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}
{{- define "receiver.initLabels" -}}
{{ include "receiver.initSelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}
