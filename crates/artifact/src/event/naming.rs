//! Sigma's names for what stands in the shapes of JSON that people have.

/// Where in the object a leaf stands, as far as its name depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// At the top, or in a container that adds nothing (`Event`, `winlog`, `EventData`).
    Top,
    /// Inside `System.Provider`.
    Provider,
    /// Inside `System.EventID`.
    EventId,
    /// Inside `System.TimeCreated`.
    TimeCreated,
    /// Inside `System.Execution`.
    Execution,
    /// Inside `EventData.Data` and other lists without names.
    Data,
    /// Inside Elastic's `process`.
    Process,
    /// Inside Elastic's `process.parent`.
    ParentProcess,
    /// Inside Elastic's `file`.
    File,
    /// Inside Elastic's `event`.
    EventMeta,
    /// Inside Elastic's `host`, `agent` and the like: the shipper's own business.
    Host,
    /// Inside the shipper's own business.
    Shipper,
}

impl Level {
    pub(super) fn enter(self, key: &str) -> Self {
        match (self, key) {
            (Level::Top, "Provider") => Level::Provider,
            (Level::Top, "EventID") => Level::EventId,
            (Level::Top, "TimeCreated") => Level::TimeCreated,
            (Level::Top, "Execution") => Level::Execution,
            (Level::Top, "Data") => Level::Data,
            (Level::Top, "process") => Level::Process,
            (Level::Process, "parent") => Level::ParentProcess,
            (Level::Top, "file") => Level::File,
            (Level::Top, "event") => Level::EventMeta,
            (Level::Top, "host") => Level::Host,
            (Level::Top, "agent" | "ecs" | "log" | "tags" | "input" | "@metadata") => Level::Shipper,
            (level, _) => level,
        }
    }

    /// Sigma's name for a leaf, where it is not the leaf's own.
    pub(super) fn field_name(self, key: &str) -> Option<&'static str> {
        Some(match (self, key) {
            (Level::Provider, "Name")
            | (Level::Top, "SourceName" | "provider_name" | "ProviderName" | "Provider") => "Provider_Name",
            (Level::Provider, _) => "Provider_Guid",
            (Level::EventId, "#text" | "Value")
            | (Level::Top, "event_id" | "EventId")
            | (Level::EventMeta, "code") => "EventID",
            (Level::EventId, _) => "Qualifiers",
            (Level::TimeCreated, _) => "SystemTime",
            (Level::Execution, "ProcessID") => "Execution_ProcessID",
            (Level::Execution, "ThreadID") => "Execution_ThreadID",
            (Level::Data, "#text") => "Data",
            (Level::Top, "channel" | "log_name") => "Channel",
            (Level::Top, "computer_name" | "Hostname" | "ComputerName" | "MachineName")
            | (Level::Host, "name" | "hostname") => "Computer",
            (Level::Top, "record_id" | "RecordNumber" | "EventRecordId") => "EventRecordID",
            (Level::Top, "message") => "Message",
            (Level::Process, "executable") => "Image",
            (Level::Process, "command_line") => "CommandLine",
            (Level::ParentProcess, "executable") => "ParentImage",
            (Level::ParentProcess, "command_line") => "ParentCommandLine",
            (Level::File, "path") => "TargetFilename",
            (
                Level::Process
                | Level::ParentProcess
                | Level::File
                | Level::EventMeta
                | Level::Host
                | Level::Shipper,
                _,
            ) => "_shipper",
            _ => return None,
        })
    }
}
